import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { inParallel } from '../../core/parallel.ts'

test('results are in the order of the items, in whatever order the work ends', async () => {
  const results = await inParallel([3, 1, 2], 3, async (turns) => {
    for (let left = turns; left > 0; left--) await turn()
    return turns * 10
  })

  assert.deepEqual(results, [30, 10, 20])
})

test('no more than the given width runs at the same time', async () => {
  let running = 0
  let most = 0
  await inParallel(Array.from({ length: 50 }), 4, async () => {
    running += 1
    most = Math.max(most, running)
    await turn()
    running -= 1
  })

  assert.equal(most, 4)
})

test('an error is thrown after all work that was begun has ended', async () => {
  const ended: number[] = []

  const work = inParallel([1, 2, 3, 4], 2, async (item) => {
    if (item === 1) throw new Error('the first fails')
    await turn()
    ended.push(item)
  })

  await assert.rejects(work, /the first fails/)
  assert.deepEqual(ended, [2, 3, 4])
})

test('no work is done without items', async () => {
  assert.deepEqual(await inParallel([], 4, async () => 1), [])
})
