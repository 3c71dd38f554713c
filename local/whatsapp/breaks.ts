/** The ways in which WhatsApp, or the network, ends a connection. */
import type { Account } from './accounts.ts'
import type { Connection } from './connection.ts'
import { SimulatorError } from './errors.ts'
import { removeAccount } from './queries.ts'
import { failure, node, REPLACED, streamError } from './stanzas.ts'
import type { World } from './world.ts'

/** A number is the status that the client reports. The client reports `reset` as 428 and `silent` as 408. */
export const BREAKS = [
  '401',
  '403',
  '408',
  '411',
  '428',
  '440',
  '500',
  '503',
  '515',
  'reset',
  'silent',
] as const
export type Break = (typeof BREAKS)[number]

/** `401` unlinks the device, even while it is offline. All other breaks leave its credentials valid.
 *  @throws SimulatorError NOT_CONNECTED */
export function breakConnection(world: World, account: Account, how: Break): void {
  const connection = world.accounts.online.get(account)
  if (how === '401') removeAccount(world, account)
  else if (!connection) throw new SimulatorError('NOT_CONNECTED', `${account.jid} has no socket`)
  else if (how === '440') replaceFromOutside(world, account, connection)
  else endings[how](connection)
}

const endings: Record<Exclude<Break, '401' | '440'>, (connection: Connection) => void> = {
  403: (connection) => connection.end(failure(403)),
  408: (connection) => connection.end(streamError(408)),
  411: (connection) => connection.end(node('ib', {}, [node('downgrade_webclient')])),
  428: (connection) => connection.cut('fin'),
  500: (connection) => connection.end(streamError(500)),
  503: (connection) => connection.end(streamError(503)),
  515: (connection) => connection.end(streamError(515)),
  reset: (connection) => connection.cut('reset'),
  silent: (connection) => connection.silence(),
}

/** Acts as if a client outside the fleet had logged in with the same credentials, and left again at once. */
function replaceFromOutside(world: World, account: Account, connection: Connection): void {
  world.judge.conflicted(account.jid, 'foreign', connection, world.nowMs())
  world.emit({ event: 'conflict', account: account.jid, label: connection.label })
  connection.end(REPLACED)
}
