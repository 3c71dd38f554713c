/** The login of a linked device. An account has one socket: the newer login wins, and the older socket gets
 *  `replaced`. */
import { type BinaryNode, jidEncode, type proto } from '@whiskeysockets/baileys'
import type { Account } from './accounts.ts'
import type { Connection } from './connection.ts'
import type { Inflict } from './inflict.ts'
import { failure, node, REPLACED, secondsOf } from './stanzas.ts'
import type { World } from './world.ts'

const NOT_LINKED = 401
export const OUTDATED = 405

/** @returns the account; undefined when the login is refused, because the credentials are unknown or removed,
 *  or because a misdeed asks for it */
export function logIn(
  world: World,
  connection: Connection,
  noiseKey: Buffer,
  payload: proto.ClientPayload,
  inflict: Inflict,
): Account | undefined {
  const jid = jidEncode(String(payload.username), 's.whatsapp.net', payload.device ?? 0)
  const account = world.accounts.byJid(jid)
  if (!account?.noiseKey.equals(noiseKey)) {
    refuse(world, connection, jid, failure(NOT_LINKED))
    return undefined
  }
  inflict.atLogin('handshake', connection, account)
  const refusal = refusalOf(world, account, payload)
  if (refusal) {
    refuse(world, connection, account.jid, refusal)
    return undefined
  }
  if (inflict.atLogin('success', connection, account)) return undefined
  const older = world.accounts.online.get(account)
  world.accounts.online.set(account, connection)
  world.judge.loggedIn(jid, connection, world.nowMs())
  world.emit({ event: 'logged-in', account: jid, label: connection.label })
  if (older) {
    world.judge.conflicted(jid, 'overlap', older, world.nowMs(), connection)
    world.emit({ event: 'conflict', account: jid, label: older.label, by: connection.label })
    older.end(REPLACED)
  }
  connection.send(node('success', { t: secondsOf(world.nowMs()), lid: account.lid, props: '27' }))
  inflict.atLogin('opening', connection, account)
  return account
}

/** The refusal that a misdeed asks for. */
function refusalOf(world: World, account: Account, payload: proto.IClientPayload): BinaryNode | undefined {
  if (isOutdated(world, account, payload)) return failure(OUTDATED)
  const refused = world.misdeeds.use('refuse-login', account)
  if (!refused) return undefined
  const { tag = 'failure', reason, attrs, children = [], conflict } = refused.misdeed
  const named = reason === undefined ? {} : { [tag === 'failure' ? 'reason' : 'code']: reason }
  const holds = children.map((child) => node(child))
  if (conflict !== undefined) holds.push(node('conflict', { type: conflict }))
  return node(tag, { ...named, ...attrs }, holds.length > 0 ? holds : undefined)
}

/** Whether a misdeed asks for a higher version of the client, from every account or from this one. */
export function isOutdated(
  world: World,
  account: Account | undefined,
  { userAgent }: proto.IClientPayload,
): boolean {
  const { primary, secondary, tertiary } = userAgent?.appVersion ?? {}
  const version = [primary ?? 0, secondary ?? 0, tertiary ?? 0]
  return world.misdeeds.use('outdated', account, ({ below }) => isBelow(version, below)) !== undefined
}

function isBelow(version: readonly number[], below: string): boolean {
  const least = below.split('.').map(Number)
  const differs = version.findIndex((part, place) => part !== (least[place] ?? 0))
  return differs >= 0 && (version[differs] ?? 0) < (least[differs] ?? 0)
}

function refuse(world: World, connection: Connection, account: string, answer: BinaryNode): void {
  world.judge.refused()
  world.emit({ event: 'login-refused', account, label: connection.label })
  connection.end(answer)
}
