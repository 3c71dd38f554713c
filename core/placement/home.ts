/** A device that lost its server remembers the server's name as its home. Pure: whether the home is there
 *  again, and whether the device is still to return. */

import { isUnderSuspicion } from '../protocol/suspicion.ts'
import type { DeviceRow } from '../store/device-row.ts'
import { isLive, type ServerRow } from '../store/server-row.ts'

/** A device that has been away for this long stays where it is. Wall-clock time: this is a preference, and
 *  decides nothing about ownership. */
export const HOME_KEPT_MS = 10 * 60_000

/** Active servers that joined not long ago under the name of a server that is gone. */
export function returned(servers: readonly ServerRow[], nowMs: number): ServerRow[] {
  const namesBefore = new Set(servers.filter((server) => !isLive(server)).map((server) => server.name))
  return servers.filter(
    (server) =>
      server.state === 'active' && namesBefore.has(server.name) && nowMs - server.joinedAt < HOME_KEPT_MS,
  )
}

/** @param homes the returned servers, by name */
export function isAway(
  device: DeviceRow,
  owner: ServerRow,
  homes: Map<string, ServerRow>,
  nowMs: number,
): boolean {
  if (!device.home || device.home.name === owner.name || device.desired !== 'running') return false
  // Suspects stay apart until they are well: at home they would meet again.
  if (isUnderSuspicion(device, nowMs)) return false
  // When the server announced itself is not compared: it may have done so before the device left, and then
  // waited for its name.
  return homes.has(device.home.name) && nowMs - device.home.since < HOME_KEPT_MS
}
