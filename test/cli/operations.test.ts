import assert from 'node:assert/strict'
import { test } from 'node:test'
import { showOperation } from '../../cli/operations.ts'
import { systemClock } from '../../core/clock.ts'
import { fakeWorld } from './fake-world.ts'

const progress = { devicesAtStart: 3, moved: 3, underWay: 0, left: 0 }
const drain = { operationId: 'o-1', kind: 'drain', serverName: 'server-1', progress }
/** Every timer ends at once. */
const clock = {
  ...systemClock,
  startTimer: (_: number, run: () => void) => systemClock.startTimer(0, run),
}

test('without a terminal each line of a progress is printed once', async () => {
  const world = fakeWorld(
    {
      '/operations/o-1': [
        { ...drain, state: 'running', why: '3 of 3 moved' },
        { ...drain, state: 'done', why: 'all devices have moved' },
      ],
    },
    clock,
  )

  await showOperation(world, 'o-1', { wait: true, timeout: 10 })

  assert.deepEqual(world.written().split('\n'), [
    'drain of server-1: 3 of 3 moved',
    '3 of 3 devices moved, 0 under way, 0 left',
    'drain of server-1: done; all devices have moved',
    '',
  ])
})
