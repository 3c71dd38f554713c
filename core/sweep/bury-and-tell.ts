/** A burial with all that belongs to it: the write that declares the server dead, the log entry, and the stop
 *  of its task. */

import { bury, buryExited } from '../protocol/membership.ts'
import type { ServerRow } from '../store/server-row.ts'
import type { World } from '../world.ts'

export interface Burial {
  /** For people, in the log. */
  readonly why: string
  /** Set when the server's process is known to have exited. Otherwise the server was silent for the bury
   *  time, and its process may still run. */
  readonly exited?: { readonly crashed: boolean }
}

/** @param server as it was read; see `bury` and `buryExited` in core/protocol/membership.ts for what must be
 *  known of it
 *  @returns false when the burial was refused: the server has beaten since, or is gone already */
export async function buryAndTell(
  world: Pick<World, 'store' | 'telemetry' | 'tasks'>,
  server: ServerRow,
  { why, exited }: Burial,
): Promise<boolean> {
  const { store, telemetry, tasks } = world
  const { serverId, name, beat, taskArn } = server
  const isBuried = exited ? await buryExited(store, server, why, exited.crashed) : await bury(store, server)
  if (!isBuried) return false
  telemetry.emit('server.buried', { serverId, name, beat, why })
  // A server that wrote its own last words is buried already, and has told of the crash itself.
  if (exited?.crashed) telemetry.emit('server.crashed', { serverId, name, why })
  if (!exited && taskArn) await tasks.stopTask(taskArn, `server "${serverId}" fell silent`)
  return true
}
