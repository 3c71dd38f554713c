import assert from 'node:assert/strict'
import { test } from 'node:test'
import { beginWait, createRetries } from '../../../hosts/device/backoff.ts'
import { scriptedRandom } from '../../builders/chance.ts'
import { manualClock } from '../../builders/manual-clock.ts'

const BACKOFF = { baseMs: 1000, capMs: 5000 }
/** The longest wait that is drawn. */
const longest = scriptedRandom(1)

test('the bound of the wait doubles with each failure, up to the cap', () => {
  const retries = createRetries(longest, BACKOFF)
  assert.deepEqual(
    [1, 2, 3, 4, 5].map(() => retries.draw()),
    [1000, 2000, 4000, 5000, 5000],
  )
})

test('a wait may have a cap of its own, and counts as a failure as any other', () => {
  const retries = createRetries(longest, BACKOFF)
  assert.deepEqual(
    [1, 2, 3, 4].map(() => retries.draw(7000)),
    [1000, 2000, 4000, 7000],
  )
  assert.equal(retries.draw(), 5000)
})

test('after a good socket it begins from the start', () => {
  const retries = createRetries(longest, BACKOFF)
  retries.draw()
  retries.draw()
  retries.wentWell()
  assert.equal(retries.draw(), 1000)
})

test('the rest of a wait counts from when it was decided, so that the time that a report told is true', () => {
  const clock = manualClock()
  const wait = beginWait(clock, 1000)
  clock.advance(300)
  assert.equal(wait.leftMs(), 700)
  assert.equal(wait.ms, 1000)
  clock.advance(5000)
  assert.equal(wait.leftMs(), 0)
})
