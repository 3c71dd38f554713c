/** Routes that begin and stop the rolling restart. GET /operations/restart shows its progress. */
import { RESTART_ID } from '../../../core/operations/operations.ts'
import { beginRestart, stopRestart } from '../../../core/operations/restart-requests.ts'
import { json } from '../answer.ts'
import { describeOperation, OperationAnswer } from '../answers/operation.ts'
import { answers, defineRoute } from '../route.ts'

const beginRestartRoute = defineRoute({
  method: 'POST',
  path: '/fleet/restart',
  scope: 'admin',
  summary: 'Begin a rolling restart: replace every server by a new one, one after another',
  description:
    'The service that runs the servers is asked for new ones. The old servers are drained one after another, ' +
    'each into a new one, so that each device moves once. ' +
    'An old server is stopped when its devices are connected again. ' +
    'At most one restart runs at a time: while it runs, the answer is that restart. ' +
    'After a stop or a time-out, this request continues with the servers that are left. ' +
    `GET /operations/${RESTART_ID} shows the progress.`,
  answers: { 202: answers('the restart is begun, or was under way already', OperationAnswer) },
  async handle(world, { caller }) {
    const { restart } = await beginRestart(world, caller.keyId)
    return json(202, await describeOperation(world, restart))
  },
})

const stopRestartRoute = defineRoute({
  method: 'POST',
  path: '/fleet/restart/stop',
  scope: 'admin',
  summary: 'Stop the rolling restart: the present server is finished, and no other is begun',
  description:
    'The servers that were not restarted go on running. On ECS their tasks are protected for up to a day; after that ' +
    'ECS finishes its deployment by itself, and each of these servers moves its devices away when ECS ends it.',
  answers: {
    202: answers('the restart ends as `cancelled` when the present server is finished', OperationAnswer),
  },
  refusals: ['NOT_RESTARTING'],
  async handle(world, { caller }) {
    return json(202, await describeOperation(world, await stopRestart(world, caller.keyId)))
  },
})

export const FLEET_RESTART_ROUTES = [beginRestartRoute, stopRestartRoute]
