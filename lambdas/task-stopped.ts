/**
 * Buries a server at once when ECS says that its task has stopped and its process has exited.
 * EventBridge invokes it with "ECS Task State Change" events, which come late, twice and out of order.
 * It must never bury without an exit code: the process may then still run, so only its silence may bury it.
 */
import middy from '@middy/core'
import type { EventBridgeEvent } from 'aws-lambda'
import * as z from 'zod'
import { assign } from '../core/placement/assign.ts'
import { evictFrom } from '../core/placement/evict-devices.ts'
import { listServers } from '../core/protocol/membership.ts'
import type { ServerRow } from '../core/store/server-row.ts'
import { buryAndTell } from '../core/sweep/bury-and-tell.ts'
import { readEnvironment } from './environment.ts'
import { atFirstInvocation, flushTelemetry } from './invocation.ts'
import { type LambdaWorld, lambdaWorld } from './world.ts'

export type TaskStateChange = EventBridgeEvent<'ECS Task State Change', unknown>

/** The part of the event that is read; ECS sends much more. */
const TaskDetail = z.object({
  taskArn: z.string().min(1),
  lastStatus: z.string(),
  containers: z.array(z.object({ exitCode: z.number().int().optional(), reason: z.string().optional() })),
  stoppedReason: z.string().optional(),
})
type TaskDetail = z.output<typeof TaskDetail>

export function createTaskStoppedHandler(world: LambdaWorld) {
  return middy(async (event: TaskStateChange): Promise<void> => {
    const task = TaskDetail.parse(event.detail)
    const { taskArn } = task
    if (!hasExited(task)) {
      world.telemetry.emit('server.task_stopped', {
        taskArn,
        why: `${task.lastStatus} without an exit code: the lease decides`,
      })
      return
    }
    const servers = (await listServers(world.store)).filter((server) => server.taskArn === taskArn)
    world.telemetry.emit('server.task_stopped', { taskArn, servers: servers.length, why: wordsOf(task) })
    for (const server of servers) await clearAway(world, server, task)
  }).use(flushTelemetry(world))
}

/** Every container of the task must have an exit code: a container without one may be the server. */
function hasExited({ lastStatus, containers }: TaskDetail): boolean {
  const exited = containers.length > 0 && containers.every(({ exitCode }) => exitCode !== undefined)
  return lastStatus === 'STOPPED' && exited
}

/** The exit codes of a server that ended on purpose (hosts/main.ts), and those of SIGTERM and SIGKILL. ECS
 *  sends these two signals when it ends a task, so they say nothing about the server. */
const NO_CRASH: readonly number[] = [0, 3, 4, 5, 128 + 15, 128 + 9]
const OUT_OF_MEMORY = /out ?of ?memory/i

/** Whether the process crashed. A device may have caused that: see core/protocol/suspicion.ts. */
function hasCrashed({ containers, stoppedReason = '' }: TaskDetail): boolean {
  const endedBadly = containers.some(({ exitCode = 0 }) => !NO_CRASH.includes(exitCode))
  return (
    endedBadly ||
    [stoppedReason, ...containers.map(({ reason = '' }) => reason)].some((why) => OUT_OF_MEMORY.test(why))
  )
}

/** After the first step the server is dead, whether this caller buried it or another. The
 *  other steps can be repeated. */
async function clearAway(world: LambdaWorld, server: ServerRow, task: TaskDetail): Promise<void> {
  const crashed = hasCrashed(task)
  await buryAndTell(world, server, { why: wordsOf(task), exited: { crashed } })
  // A server writes its suspects before it ends, so the row that was read above has them.
  await assign(world, await evictFrom(world, crashed ? { ...server, crashed } : server))
}

function wordsOf({ containers, stoppedReason }: TaskDetail): string {
  const codes = containers.flatMap(({ exitCode }) => exitCode ?? [])
  return `its task stopped with exit code ${codes.join(', ')}${stoppedReason ? `: ${stoppedReason}` : ''}`
}

export const handler = atFirstInvocation(() =>
  createTaskStoppedHandler(lambdaWorld('task-stopped', readEnvironment('task-stopped', process.env))),
)
