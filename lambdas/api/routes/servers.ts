/** Routes that show the servers, those that are gone included, as long as their rows are kept. */
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
    serverId: z.string().describe('one run of a server: new at every start'),
    name: z.string().describe('its SERVER_NAME'),
    url: z.string(),
    state: ServerState,
    stateReason: z.string().optional(),
    capacity: z.int(),
    load: z.int().describe('devices reserved or owned'),
    connected: z.int().describe('sockets that were open at its last beat'),
    utilisation: z.number().describe('load / capacity, in percent'),
    beat: z.int(),
    beatAt: Time,
    joinedAt: Time,
    taskArn: z.string().optional(),
    drain: OperationAnswer.optional().describe('the drain that empties it; only where one server is shown'),
  }),
)
export type ServerAnswer = z.output<typeof ServerAnswer>

/** Of a server that drains itself, by a signal: nobody has written why. `load` tells how far it has come. */
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

/** To one decimal; 0 when there is nothing to use. */
export function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.round((1000 * part) / whole) / 10
}

const ServerList = named('ServerList', z.object({ servers: z.array(ServerAnswer) }))
export type ServerList = z.output<typeof ServerList>

const listRoute = defineRoute({
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

export const SERVER_ROUTES = [listRoute, showServer]
