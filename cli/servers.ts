/** `mooring servers` and `mooring server show`. */
import type { ServerAnswer, ServerList } from '../lambdas/api/routes/servers.ts'
import { findServer, isGone } from './server-by-name.ts'
import { type Column, drawPairs, drawTable } from './table.ts'
import { age, counted } from './words.ts'
import { type CliWorld, tell } from './world.ts'

export async function listServers(
  world: CliWorld,
  { state, all }: { state?: string; all?: true },
): Promise<void> {
  const { api, terminal } = world
  const answer = await api.get<ServerList>('/servers', { state })
  const shown = answer.servers.filter((server) => all || state !== undefined || !isGone(server))
  const gone = answer.servers.length - shown.length
  const alsoGone = gone > 0 ? `; ${gone} more ${gone === 1 ? 'is' : 'are'} gone: --all lists them` : ''
  tell(world, answer, () => [
    ...drawTable(serverColumns(api.nowMs()), shown, terminal.columns()),
    '',
    `${counted(shown.length, 'server')}${alsoGone}`,
  ])
}

function serverColumns(nowMs: number): Column<ServerAnswer>[] {
  return [
    { title: 'SERVER', of: ({ name }) => name },
    { title: 'ID', of: ({ serverId }) => serverId },
    { title: 'STATE', of: ({ state }) => state },
    { title: 'LOAD', of: ({ load }) => load, right: true },
    { title: 'CAPACITY', of: ({ capacity }) => capacity, right: true },
    { title: 'USED', of: ({ utilisation }) => `${utilisation} %`, right: true },
    { title: 'CONNECTED', of: ({ connected }) => connected, right: true },
    { title: 'BEAT', of: ({ beatAt }) => `${age(Date.parse(beatAt), nowMs)} ago`, right: true },
    { title: 'WHY', of: ({ stateReason }) => stateReason },
  ]
}

export async function showServer(world: CliWorld, nameOrId: string): Promise<void> {
  const server = await findServer(world.api, nameOrId)
  const answer = await world.api.get<ServerAnswer>(`/servers/${server.serverId}`)
  tell(world, answer, () => drawServer(answer, world.api.nowMs(), world.command))
}

function drawServer(server: ServerAnswer, nowMs: number, command: string): string[] {
  return [
    ...drawPairs([
      ['server', server.name],
      ['id', server.serverId],
      ['state', server.state],
      ['why', server.stateReason],
      ['url', server.url],
      ['load', `${server.load} of ${server.capacity} (${server.utilisation} %)`],
      ['connected', server.connected],
      ['last beat', `${age(Date.parse(server.beatAt), nowMs)} ago (number ${server.beat})`],
      ['joined', server.joinedAt],
      ['task', server.taskArn],
      ['drain', server.drain?.why],
    ]),
    '',
    `List its devices: ${command} devices --owner ${server.name}`,
  ]
}
