/** The route that gives a server up. */
import * as z from 'zod'
import { isLive } from '../../../core/store/server-row.ts'
import { evictServer, stopTaskOf } from '../../../core/sweep/evict-on-request.ts'
import { json } from '../answer.ts'
import { answers, defineRoute, named } from '../route.ts'
import { ServerParams } from '../schemas.ts'
import { readServer, ServerAnswer, serverAnswer } from './servers.ts'

const EvictedServer = named(
  'EvictedServer',
  z.object({
    serverId: z.string(),
    evicted: z.int().describe('devices that were taken from it'),
    placed: z.int().describe('how many of them have another server already; the others wait for room'),
  }),
)
export type EvictedServer = z.output<typeof EvictedServer>

const evict = defineRoute({
  method: 'POST',
  path: '/servers/{serverId}/evict',
  scope: 'operate',
  summary: 'Take all devices from a server that is gone',
  description:
    'Refused while the server beats, since it holds sockets then. One that seems silent is watched for the time after ' +
    'which it is certain that its sockets are closed, so that the answer may take some 12 s. With `stopTask` the task of ' +
    'a live server is stopped first: its end moves the devices. Nobody needs this while the sweep runs.',
  params: ServerParams,
  body: z.strictObject({ stopTask: z.boolean().default(false) }),
  answers: {
    200: answers('its devices were taken from it', EvictedServer),
    202: answers('its task is asked to stop; its end moves the devices', ServerAnswer),
  },
  refusals: ['SERVER_NOT_FOUND', 'SERVER_STILL_BEATING', 'SERVER_HAS_NO_TASK', 'TASK_NOT_STOPPED'],
  async handle(world, { params, body }) {
    const server = await readServer(world, params.serverId)
    if (body.stopTask && isLive(server)) {
      await stopTaskOf(world, server)
      return json(202, serverAnswer(server))
    }
    const { evicted, placed } = await evictServer(world, server)
    return json(200, { serverId: server.serverId, evicted: evicted.length, placed })
  },
})

export const EVICT_ROUTES = [evict]
