/** Routes of the rolling restart: begin, and stop. GET /operations/restart shows how it stands. */
import { RESTART_ID } from '../../../core/operations/operations.ts'
import { beginRestart, stopRestart } from '../../../core/operations/restart-requests.ts'
import { json } from '../answer.ts'
import { describeOperation, OperationAnswer } from '../answers/operation.ts'
import { answers, defineRoute } from '../route.ts'

const beginRoute = defineRoute({
  method: 'POST',
  path: '/fleet/restart',
  scope: 'admin',
  summary: 'Replace every server by a new one, one after another',
  description:
    'The service that runs the servers is asked for new ones. One after another, each old server is drained into a new ' +
    'one, so that each device moves once, and stopped when its devices are connected again. One restart runs at a time: ' +
    'while it does, it is answered as it stands. After a stop or a time-out this goes on with the servers that are left. ' +
    `Progress is at GET /operations/${RESTART_ID}.`,
  answers: { 202: answers('begun, or under way already', OperationAnswer) },
  async handle(world, { caller }) {
    const { restart } = await beginRestart(world, caller.keyId)
    return json(202, await describeOperation(world, restart))
  },
})

const stopRoute = defineRoute({
  method: 'POST',
  path: '/fleet/restart/stop',
  scope: 'admin',
  summary: 'Stop the rolling restart: the server under way is finished, no other is begun',
  description:
    'The servers that were not restarted run on. On ECS they are spared for up to a day; after that ECS finishes its ' +
    'deployment by itself, and each of them lets its devices go when it is told to end.',
  answers: { 202: answers('it ends as `cancelled` as soon as no server is under way', OperationAnswer) },
  refusals: ['NOT_RESTARTING'],
  async handle(world, { caller }) {
    return json(202, await describeOperation(world, await stopRestart(world, caller.keyId)))
  },
})

export const RESTART_ROUTES = [beginRoute, stopRoute]
