/** Routes that show operations: the running ones, and each by its id for a week after its end. */
import * as z from 'zod'
import { MooringError } from '../../../core/errors.ts'
import { listRunning, readOperation } from '../../../core/operations/operations.ts'
import { inParallel } from '../../../core/parallel.ts'
import { json } from '../answer.ts'
import { describeOperation, OperationAnswer } from '../answers/operation.ts'
import { answers, defineRoute, named } from '../route.ts'
import { OperationIdText } from '../schemas.ts'

const SHOWN_AT_ONCE = 16

const OperationList = named('OperationList', z.object({ operations: z.array(OperationAnswer) }))
export type OperationList = z.output<typeof OperationList>

const listOperations = defineRoute({
  method: 'GET',
  path: '/operations',
  scope: 'read',
  summary: 'List the running operations, the newest first',
  description: 'For a week after its end, an operation is shown by its id alone.',
  answers: { 200: answers('the running operations', OperationList) },
  async handle(world) {
    const rows = (await listRunning(world.store)).toSorted((one, other) => other.startedAt - one.startedAt)
    const operations = await inParallel(rows, SHOWN_AT_ONCE, (row) => describeOperation(world, row))
    // The index lags behind the table, so a listed operation may have ended.
    return json(200, { operations: operations.filter(({ state }) => state === 'running') })
  },
})

const showOperation = defineRoute({
  method: 'GET',
  path: '/operations/{operationId}',
  scope: 'read',
  summary: 'Show an operation: running, done, refused, timed_out or cancelled, and why',
  params: z.strictObject({ operationId: OperationIdText }),
  answers: { 200: answers('the operation', OperationAnswer) },
  refusals: ['OPERATION_NOT_FOUND'],
  async handle(world, { params: { operationId } }) {
    const row = await readOperation(world.store, operationId)
    if (!row) {
      throw new MooringError(
        'OPERATION_NOT_FOUND',
        `there is no operation "${operationId}"; an operation is kept for a week after its end`,
      )
    }
    return json(200, await describeOperation(world, row))
  },
})

export const OPERATION_ROUTES = [listOperations, showOperation]
