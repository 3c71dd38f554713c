/** Routes that drain a server, predict a drain, and cancel it. */
import * as z from 'zod'
import { MooringError } from '../../../core/errors.ts'
import type { ServerId } from '../../../core/ids.ts'
import { roomOf } from '../../../core/operations/drain.ts'
import { type DrainPlan, planDrain } from '../../../core/operations/drain-plan.ts'
import {
  AT_ONCE_DEFAULT,
  AT_ONCE_MAX,
  beginDrain,
  cancelDrain,
  runningDrain,
} from '../../../core/operations/drain-requests.ts'
import { listServers } from '../../../core/protocol/membership.ts'
import type { ServerRow } from '../../../core/store/server-row.ts'
import { queryAll } from '../../../core/store/store.ts'
import { readMoveTimes } from '../../../core/telemetry/churn.ts'
import type { LambdaWorld } from '../../world.ts'
import { json } from '../answer.ts'
import { describeDrain, OperationAnswer } from '../answers/operation.ts'
import { answers, defineRoute, named } from '../route.ts'
import { ServerIdText, ServerParams } from '../schemas.ts'
import { mustHaveRoom } from './reassign.ts'
import { readServer, ServerAnswer, serverAnswer } from './servers.ts'

const MEASURED_MINUTES = 15

const DrainPlanAnswer = named(
  'DrainPlan',
  z.object({
    serverId: z.string(),
    devices: z.int(),
    moves: z
      .array(
        z.object({
          deviceId: z.string(),
          wave: z.int().describe('counted from 1'),
          to: z.object({ serverId: z.string(), name: z.string() }),
          secondsWithoutSocket: z.number().describe('predicted'),
        }),
      )
      .describe(
        'the targets that placement would choose now; it chooses at random among servers, so the drain itself will ' +
          'spread the devices as evenly, but not to the same servers',
      ),
    withoutRoom: z.array(z.string()).describe('devices that would stay until another server has room'),
    waves: z.int(),
    seconds: z.number().describe('predicted for the whole drain'),
    basis: z
      .object({
        secondsPerMove: z.number(),
        from: z.enum(['measured', 'assumed']),
        movesMeasured: z.int().describe(`in the last ${MEASURED_MINUTES} minutes`),
      })
      .describe(
        'the time of one move, without the wait for its turn to connect, and the source of that figure',
      ),
  }),
)
export type DrainPlanAnswer = z.output<typeof DrainPlanAnswer>

const drainServer = defineRoute({
  method: 'POST',
  path: '/servers/{serverId}/drain',
  scope: 'operate',
  summary: 'Drain a server: move all its devices elsewhere, a few at a time; then it leaves',
  description:
    'The server gets no new devices from now on. With `dryRun=true` nothing is done: the answer says which device ' +
    'would move where. Repeating it is harmless: the answer is the drain that runs. ' +
    'When the server has left, ECS starts another one in its place if the service still wants as many tasks.',
  params: ServerParams,
  query: z.strictObject({ dryRun: z.enum(['true', 'false']).default('false') }),
  body: z.strictObject({
    thenLeave: z.boolean().default(true).describe('whether the server leaves the fleet when it is empty'),
    atOnce: z
      .int()
      .min(1)
      .max(AT_ONCE_MAX)
      .default(AT_ONCE_DEFAULT)
      .describe('the most devices that move at the same time'),
    to: ServerIdText.optional().describe(
      'the server that gets the devices, as far as it has room; any server when left out',
    ),
    partly: z
      .boolean()
      .default(false)
      .describe('drain also when the other servers have too little room; the rest of the devices then waits'),
  }),
  answers: {
    200: answers('the plan of the drain; nothing was done', DrainPlanAnswer),
    202: answers('the drain is begun, or was under way already; follow the operation', OperationAnswer),
  },
  refusals: ['SERVER_NOT_FOUND', 'SERVER_NOT_ACTIVE', 'SERVER_LEAVING', 'SERVER_FULL', 'NO_ROOM_TO_DRAIN'],
  async handle(world, { params, query, body, caller }) {
    const server = await readServer(world, params.serverId)
    const { atOnce, thenLeave, to, partly } = body
    if (query.dryRun === 'true') {
      const plan = await planFor(world, server, atOnce, to)
      return json(200, {
        serverId: server.serverId,
        devices: plan.moves.length + plan.withoutRoom.length,
        ...plan,
      })
    }
    const running = await runningDrain(world.store, server.serverId)
    if (server.state === 'draining' && running) return json(202, describeDrain(running, server))
    if (to !== undefined) await mustHaveRoom(world, to)
    if (server.state === 'active' && !partly) await othersMustHaveRoom(world, server)
    const { keyId: askedBy } = caller
    const why = `drained: asked for with key ${askedBy}`
    const operation = await beginDrain(world, server, { askedBy, thenLeave, atOnce, to, why })
    return json(202, describeDrain(operation, await readServer(world, server.serverId)))
  },
})

async function planFor(
  world: LambdaWorld,
  server: ServerRow,
  atOnce: number,
  to: ServerId | undefined,
): Promise<DrainPlan> {
  const [servers, listed, measured] = await Promise.all([
    listServers(world.store),
    queryAll(world.store, 'Devices', { index: 'byOwner', partition: server.serverId }),
    readMoveTimes(world.store, world.clock, MEASURED_MINUTES),
  ])
  const devices = listed.filter(({ desired, deleting }) => desired === 'running' && !deleting)
  return planDrain({ server, servers, devices, atOnce, measured, ...(to ? { to } : {}) }, world.random)
}

async function othersMustHaveRoom(world: LambdaWorld, { serverId, name, load }: ServerRow): Promise<void> {
  const servers = await listServers(world.store)
  const room = roomOf(servers, serverId)
  if (room >= load) return
  const others = servers.filter((one) => one.state === 'active' && one.serverId !== serverId).length
  const fits =
    others === 0 ? 'no other server is active' : `the other active servers (${others}) have room for ${room}`
  throw new MooringError(
    'NO_ROOM_TO_DRAIN',
    `server "${name}" has ${load} devices, and ${fits}: start another server first, or pass {"partly": true}`,
    { devices: load, room },
  )
}

const cancelDrainRoute = defineRoute({
  method: 'DELETE',
  path: '/servers/{serverId}/drain',
  scope: 'operate',
  summary: 'Cancel a drain: the server takes devices again',
  description:
    'Devices that the server has released stay where they went. Moves that were not begun are cancelled.',
  params: ServerParams,
  answers: { 200: answers('the server, active again, with the cancelled drain', ServerAnswer) },
  refusals: ['SERVER_NOT_FOUND', 'NOT_DRAINING', 'SERVER_LEAVING'],
  async handle(world, { params }) {
    const ended = await cancelDrain(world, await readServer(world, params.serverId))
    const server = await readServer(world, params.serverId)
    return json(200, { ...serverAnswer(server), ...(ended ? { drain: describeDrain(ended, server) } : {}) })
  },
})

export const DRAIN_ROUTES = [drainServer, cancelDrainRoute]
