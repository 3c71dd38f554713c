/** Routes that show the servers. Dead and stopped servers are included as long as their rows are kept. */
import * as z from 'zod'
import { MooringError } from '../../../core/errors.ts'
import type { ServerId } from '../../../core/ids.ts'
import { runningDrain } from '../../../core/operations/drain-requests.ts'
import { listServers } from '../../../core/protocol/membership.ts'
import { asServer, type ServerRow } from '../../../core/store/server-row.ts'
import type { LambdaWorld } from '../../world.ts'
import { json } from '../answer.ts'
import { describeDrain, OperationAnswer } from '../answers/operation.ts'
import { answers, defineRoute, named } from '../route.ts'
import { isoTime, ServerParams, Time } from '../schemas.ts'

export const ServerState = z.enum(['joining', 'active', 'draining', 'dead', 'stopped'])

export const ServerAnswer = named(
  'Server',
  z.object({
    serverId: z.string().describe('names one run of the host program: new at every start'),
    name: z.string().describe('the SERVER_NAME of the server'),
    url: z.string(),
    state: ServerState,
    stateReason: z.string().optional(),
    capacity: z.int(),
    load: z.int().describe('devices that the server owns or has room reserved for'),
    connected: z.int().describe('sockets that were open at the last beat'),
    utilisation: z.number().describe('load / capacity, in percent'),
    beat: z.int(),
    beatAt: Time,
    joinedAt: Time,
    taskArn: z.string().optional(),
    drain: OperationAnswer.optional().describe(
      'the drain of this server; only when one server is shown, not in lists',
    ),
  }),
)
export type ServerAnswer = z.output<typeof ServerAnswer>

/** The reason shown for a server that a signal told to leave: its row has none. `load` shows the progress. */
const TOLD_TO_END = 'told to end: its devices move, then it leaves'

export function serverAnswer(row: ServerRow): ServerAnswer {
  const { serverId, name, url, state, capacity, load, connected, beat } = row
  const { stateReason = row.leaving ? TOLD_TO_END : undefined } = row
  return {
    serverId,
    name,
    url,
    state,
    ...(stateReason ? { stateReason } : {}),
    capacity,
    load,
    connected,
    utilisation: percent(load, capacity),
    beat,
    beatAt: isoTime(row.beatAt),
    joinedAt: isoTime(row.joinedAt),
    ...(row.taskArn ? { taskArn: row.taskArn } : {}),
  }
}

/** `part` of `whole` in percent, to one decimal; 0 when `whole` is 0. */
export function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.round((1000 * part) / whole) / 10
}

const ServerList = named('ServerList', z.object({ servers: z.array(ServerAnswer) }))
export type ServerList = z.output<typeof ServerList>

const listServersRoute = defineRoute({
  method: 'GET',
  path: '/servers',
  scope: 'read',
  summary: 'List servers, by name and then by age',
  query: z.strictObject({ state: ServerState.optional() }),
  answers: {
    200: answers('the servers', ServerList),
  },
  async handle(world, { query }) {
    const servers = await listServers(world.store)
    const wanted = servers.filter(({ state }) => query.state === undefined || state === query.state)
    wanted.sort((one, other) => one.name.localeCompare(other.name) || one.joinedAt - other.joinedAt)
    return json(200, { servers: wanted.map(serverAnswer) })
  },
})

const showServer = defineRoute({
  method: 'GET',
  path: '/servers/{serverId}',
  scope: 'read',
  summary: 'Show a server; its devices are at GET /devices?owner=',
  params: ServerParams,
  answers: { 200: answers('the server', ServerAnswer) },
  refusals: ['SERVER_NOT_FOUND'],
  async handle(world, { params }) {
    const server = await readServer(world, params.serverId)
    const drain = await runningDrain(world.store, server.serverId)
    return json(200, { ...serverAnswer(server), ...(drain ? { drain: describeDrain(drain, server) } : {}) })
  },
})

/** @throws MooringError SERVER_NOT_FOUND */
export async function readServer(world: LambdaWorld, serverId: ServerId): Promise<ServerRow> {
  const row = asServer(await world.store.get('Servers', { serverId }))
  if (!row) throw new MooringError('SERVER_NOT_FOUND', `there is no server "${serverId}"`)
  return row
}

export const SERVER_ROUTES = [listServersRoute, showServer]
