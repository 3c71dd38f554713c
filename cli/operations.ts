/** `mooring operations` and `mooring operation`, and the `--wait` of every command that begins an
 *  operation. */
import type { OperationAnswer } from '../lambdas/api/answers/operation.ts'
import type { OperationList } from '../lambdas/api/routes/operations.ts'
import { Interrupted, NotDone } from './failures.ts'
import { type Column, drawPairs, drawTable } from './table.ts'
import { age, counted, plain } from './words.ts'
import { type CliWorld, JSON_INDENT, pause, tell } from './world.ts'

const LOOK_EVERY_MS = 1000

export interface WaitOptions {
  readonly wait?: true
  /** How long to wait, in seconds. */
  readonly timeout: number
}

export async function listOperations(world: CliWorld): Promise<void> {
  const { api, terminal } = world
  const answer = await api.get<OperationList>('/operations')
  const { operations } = answer
  tell(world, answer, () => [
    ...drawTable(operationColumns(api.nowMs()), operations, terminal.columns()),
    '',
    `${counted(operations.length, 'operation')} under way`,
  ])
}

function operationColumns(nowMs: number): Column<OperationAnswer>[] {
  return [
    { title: 'OPERATION', of: ({ operationId }) => operationId },
    { title: 'KIND', of: ({ kind }) => kind },
    { title: 'OF', of: ({ deviceId, serverName }) => deviceId ?? serverName },
    { title: 'FOR', of: ({ startedAt }) => age(Date.parse(startedAt), nowMs), right: true },
    { title: 'PROGRESS', of: ({ why }) => why },
  ]
}

export async function showOperation(world: CliWorld, id: string, options: WaitOptions): Promise<void> {
  const operation = await world.api.get<OperationAnswer>(`/operations/${id}`)
  if (options.wait) return follow(world, operation, options.timeout)
  tell(world, operation, () => [
    ...drawPairs([
      ['operation', operation.operationId],
      ['kind', operation.kind],
      ['device', operation.deviceId],
      ['server', operation.serverName],
      ['from', operation.from],
      ['to', operation.to],
      ['asked by', operation.askedBy],
      ['started', operation.startedAt],
      ['ended', operation.endedAt],
      ['state', operation.state],
    ]),
    ...drawProgress(operation),
  ])
}

/** Prints the operation that was begun, or with `--wait` follows it to its end. */
export async function tellBegun(
  world: CliWorld,
  answer: object,
  operation: OperationAnswer,
  { wait, timeout }: WaitOptions,
): Promise<void> {
  if (wait) return follow(world, operation, timeout)
  const { operationId } = operation
  tell(world, answer, () => [
    ...drawProgress(operation),
    `Follow it: ${world.command} operation ${operationId} --wait`,
  ])
}

/** Draws the progress of an operation until it has ended. The operation goes on when the wait ends first.
 *  @throws NotDone when the operation ended otherwise than done, or not within the time */
async function follow(world: CliWorld, begun: OperationAnswer, timeoutSeconds: number): Promise<void> {
  const { api, terminal, clock, json } = world
  const { operationId } = begun
  const again = `it goes on. Follow it: ${world.command} operation ${operationId} --wait`
  const mark = clock.mark()
  let operation = begun
  let before: readonly string[] = []
  try {
    for (;;) {
      const drawn = drawProgress(operation)
      // In a log each line appears once.
      if (!json)
        terminal.draw(terminal.isInteractive ? drawn : drawn.filter((line) => !before.includes(line)))
      before = drawn
      if (operation.state !== 'running') break
      if (clock.elapsedMs(mark) >= timeoutSeconds * 1000) {
        throw new NotDone(
          `${operationId} has not ended within ${counted(timeoutSeconds, 'second')}; ${again}`,
        )
      }
      await pause(world, LOOK_EVERY_MS)
      operation = await api.get<OperationAnswer>(`/operations/${operationId}`)
    }
  } catch (error) {
    terminal.settle()
    if (error instanceof Interrupted && !json)
      terminal.print(`No longer waiting for ${operationId}; ${again}`)
    throw error
  }
  terminal.settle()
  if (json) terminal.printJson(operation, JSON_INDENT)
  if (operation.state !== 'done') {
    throw new NotDone(`${operationId} was ${operation.state.replace('_', ' ')}: ${plain(operation.why)}`)
  }
}

function drawProgress({
  kind,
  state,
  why,
  progress,
  steps,
  deviceId,
  serverName,
}: OperationAnswer): string[] {
  const what = deviceId ?? serverName ?? 'fleet'
  const lines = [
    `${kind} of ${what}: ${state === 'running' ? '' : `${state.replace('_', ' ')}; `}${plain(why)}`,
  ]
  if (progress) {
    const { devicesAtStart, moved, underWay, left } = progress
    lines.push(`${moved} of ${counted(devicesAtStart, 'device')} moved, ${underWay} under way, ${left} left`)
  }
  return steps ? [...lines, ...drawTable(STEP_COLUMNS, steps)] : lines
}

const STEP_COLUMNS: Column<NonNullable<OperationAnswer['steps']>[number]>[] = [
  { title: 'SERVER', of: ({ name }) => name },
  { title: 'PHASE', of: ({ phase }) => phase },
  { title: 'REPLACED BY', of: ({ replacedBy }) => replacedBy },
]
