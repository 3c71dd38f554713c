import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ScheduledEvent } from '../../../lambdas/sweep.ts'
import type { TaskStateChange } from '../../../lambdas/task-stopped.ts'
import { startScheduler } from '../../../local/control-plane/scheduler.ts'

const TASK_ARN = 'arn:aws:ecs:eu-west-1:000000000000:task/mooring/0123456789abcdef'

test('the first sweep starts at once, and a further sweep every minute beside it', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const swept = Promise.withResolvers<void>()
  const events: ScheduledEvent[] = []
  const sweep = (event: ScheduledEvent) => {
    events.push(event)
    return swept.promise
  }
  const scheduler = startScheduler({ sweep }, true, assert.ifError)
  t.mock.timers.tick(120_000)
  swept.resolve()
  await scheduler.close()
  t.mock.timers.tick(120_000)
  assert.deepEqual(
    events.map((event) => [event['detail-type'], event.source]),
    Array.from({ length: 3 }, () => ['Scheduled Event', 'aws.events']),
  )
})

test('without sweeps nothing runs by itself', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const scheduler = startScheduler({ sweep: () => assert.fail() }, false, assert.ifError)
  t.mock.timers.tick(120_000)
  await scheduler.close()
})

test('stopped sweeps do not start until they are switched on again; then a sweep starts at once', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  let swept = 0
  const scheduler = startScheduler({ sweep: async () => swept++ }, true, assert.ifError)
  scheduler.sweeps(false)
  t.mock.timers.tick(120_000)
  assert.equal(swept, 1)
  scheduler.sweeps(true)
  assert.equal(swept, 2)
  t.mock.timers.tick(60_000)
  await scheduler.close()
  assert.equal(swept, 3)
})

test('the end of a task is an event in the shape of ECS, with the exit code', async () => {
  const events: TaskStateChange[] = []
  const functions = { 'task-stopped': async (event: TaskStateChange) => void events.push(event) }
  const scheduler = startScheduler(functions, false, assert.ifError)
  await scheduler.taskStopped(TASK_ARN, 137)
  await scheduler.close()
  const detail = events[0]?.detail as {
    lastStatus: string
    taskArn: string
    containers: { exitCode?: number }[]
  }
  assert.equal(events[0]?.['detail-type'], 'ECS Task State Change')
  assert.equal(detail.lastStatus, 'STOPPED')
  assert.equal(detail.taskArn, TASK_ARN)
  assert.equal(detail.containers[0]?.exitCode, 137)
})

test('a task that was lost with its machine has no exit code', async () => {
  const events: TaskStateChange[] = []
  const functions = { 'task-stopped': async (event: TaskStateChange) => void events.push(event) }
  const scheduler = startScheduler(functions, false, assert.ifError)
  await scheduler.taskStopped(TASK_ARN)
  await scheduler.close()
  const detail = events[0]?.detail as { containers: object[] }
  assert.equal('exitCode' in (detail.containers[0] ?? {}), false)
})

test('the error of a sweep is reported, and the next sweep starts anyway', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const failures: unknown[] = []
  const sweep = () => Promise.reject(new Error('broken'))
  const scheduler = startScheduler({ sweep }, true, (error) => failures.push(error))
  t.mock.timers.tick(60_000)
  await scheduler.close()
  assert.equal(failures.length, 2)
})
