import type { DeviceRow } from '../store/device-row.ts'
import { isLive, type ServerRow } from '../store/server-row.ts'

/** After this long away, a device stays where it is. Wall-clock time: a preference, not a decision about ownership. */
export const HOME_KEPT_MS = 10 * 60_000

/** Servers that took the name of one that is gone, not long ago. */
export function returned(servers: readonly ServerRow[], nowMs: number): ServerRow[] {
  const namesBefore = new Set(servers.filter((server) => !isLive(server)).map((server) => server.name))
  return servers.filter(
    (server) =>
      server.state === 'active' && namesBefore.has(server.name) && nowMs - server.joinedAt < HOME_KEPT_MS,
  )
}

export function isAway(
  device: DeviceRow,
  owner: ServerRow,
  homes: Map<string, ServerRow>,
  nowMs: number,
): boolean {
  if (!device.home || device.home.name === owner.name || device.desired !== 'running') return false
  // Whether the server announced itself before the device left says nothing: it may have waited for its name meanwhile.
  return homes.has(device.home.name) && nowMs - device.home.since < HOME_KEPT_MS
}
