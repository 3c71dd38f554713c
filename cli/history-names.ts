/** Gives the servers in a device's history their names. A row that a request wrote has only the id of its
 *  server, and people do not know ids. */
import type { HistoryPage } from '../lambdas/api/routes/devices.ts'
import type { ServerList } from '../lambdas/api/routes/servers.ts'
import type { Api } from './api.ts'

type Row = HistoryPage['history'][number]

/** Rows of the same history may have the name; the fleet is asked only for the others. */
export async function nameServers(api: Api, history: readonly Row[]): Promise<Row[]> {
  const names = new Map(history.flatMap(({ serverId, serverName }) => pairOf(serverId, serverName)))
  const isNamed = ({ serverId, why }: Row) =>
    (serverId === undefined || names.has(serverId)) && !REASSIGNED.test(why)
  if (!history.every(isNamed)) {
    const { servers } = await api.get<ServerList>('/servers')
    for (const { serverId, name } of servers) names.set(serverId, name)
  }
  return history.map((row) => named(row, names))
}

/** The reason that names the server to which the device was sent. */
const REASSIGNED = /^(reassign to )([\w.-]+)/

function pairOf(id: string | undefined, name: string | undefined): [string, string][] {
  return id === undefined || name === undefined ? [] : [[id, name]]
}

function named(row: Row, names: ReadonlyMap<string, string>): Row {
  const { serverId, why } = row
  const serverName = row.serverName ?? (serverId === undefined ? undefined : names.get(serverId))
  return {
    ...row,
    ...(serverName === undefined ? {} : { serverName }),
    why: why.replace(REASSIGNED, (_, before: string, id: string) => before + (names.get(id) ?? id)),
  }
}
