/** Finds a server by its name or its id: people use names, and the API uses ids. */
import type { ServerAnswer, ServerList } from '../lambdas/api/routes/servers.ts'
import type { Api } from './api.ts'
import { Refused } from './failures.ts'
import { plain } from './words.ts'

const GONE = new Set<ServerAnswer['state']>(['dead', 'stopped'])

export function isGone({ state }: Pick<ServerAnswer, 'state'>): boolean {
  return GONE.has(state)
}

/** A name may belong to several runs: the living one is found, else the last one.
 *  @throws Refused when there is no such server */
export async function findServer(api: Api, nameOrId: string): Promise<ServerAnswer> {
  const { servers } = await api.get<ServerList>('/servers')
  const byId = servers.find(({ serverId }) => serverId === nameOrId)
  if (byId) return byId
  const runs = servers.filter(({ name }) => name === nameOrId)
  const found = runs.findLast((server) => !isGone(server)) ?? runs.at(-1)
  if (found) return found
  throw new Refused('SERVER_NOT_FOUND', `there is no server "${plain(nameOrId)}"`)
}
