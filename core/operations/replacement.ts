/** Chooses the server that replaces a restarted one. Pure: it chooses among rows that were read. */

import type { Restart } from '../store/operation-row.ts'
import type { ServerRow } from '../store/server-row.ts'

/** The emptiest server of the new deployment that has room for all devices of `leaving` and replaces no other
 *  server.
 *  @param mayShare a server may replace two: for when the service brings no further servers */
export function chooseReplacement(
  restart: Pick<Restart, 'steps'>,
  servers: readonly ServerRow[],
  leaving: ServerRow,
  mayShare: boolean,
): ServerRow | undefined {
  const taken = new Set(restart.steps.map(({ replacedBy }) => replacedBy))
  const fit = newServers(restart, servers).filter(
    ({ serverId, capacity, load }) => capacity - load >= leaving.load && (mayShare || !taken.has(serverId)),
  )
  return fit.reduce<ServerRow | undefined>(
    (best, server) => (best && best.load / best.capacity <= server.load / server.capacity ? best : server),
    undefined,
  )
}

/** The servers that are no old ones. The steps list every old server, so no clocks are compared. */
export function newServers(restart: Pick<Restart, 'steps'>, servers: readonly ServerRow[]): ServerRow[] {
  const old = new Set(restart.steps.map(({ serverId }) => serverId))
  return servers.filter(({ serverId, state }) => state === 'active' && !old.has(serverId))
}
