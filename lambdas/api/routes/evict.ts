/** The route that takes all devices from a server that is gone. */
import * as z from 'zod'
import { isLive } from '../../../core/store/server-row.ts'
import { evictOnRequest, stopTaskOf } from '../../../core/sweep/evict-on-request.ts'
import { json } from '../answer.ts'
import { answers, defineRoute, named } from '../route.ts'
import { ServerParams } from '../schemas.ts'
import { readServer, ServerAnswer, serverAnswer } from './servers.ts'

const EvictedServer = named(
  'EvictedServer',
  z.object({
    serverId: z.string(),
    evicted: z.int().describe('devices that were taken from it'),
    placed: z.int().describe('devices of these that have another server already; the others wait for room'),
  }),
)
export type EvictedServer = z.output<typeof EvictedServer>

const evict = defineRoute({
  method: 'POST',
  path: '/servers/{serverId}/evict',
  scope: 'operate',
  summary: 'Take all devices from a server that is gone',
  description:
    'Refused while the server beats, because it then holds sockets. A server that seems silent is watched until its ' +
    'sockets are certainly closed, so the answer may take some 12 s. With `stopTask` the task of a live server is ' +
    'stopped instead: the end of the task moves the devices. While the sweep runs, nobody needs this route.',
  params: ServerParams,
  body: z.strictObject({ stopTask: z.boolean().default(false) }),
  answers: {
    200: answers('all devices were taken from the server', EvictedServer),
    202: answers('its task is asked to stop; the end of the task moves the devices', ServerAnswer),
  },
  refusals: ['SERVER_NOT_FOUND', 'SERVER_STILL_BEATING', 'SERVER_HAS_NO_TASK', 'TASK_NOT_STOPPED'],
  async handle(world, { params, body }) {
    const server = await readServer(world, params.serverId)
    if (body.stopTask && isLive(server)) {
      await stopTaskOf(world, server)
      return json(202, serverAnswer(server))
    }
    const { evicted, placed } = await evictOnRequest(world, server)
    return json(200, { serverId: server.serverId, evicted: evicted.length, placed })
  },
})

export const EVICT_ROUTES = [evict]
