import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRetries } from '../../../hosts/device/backoff.ts'
import { scriptedRandom } from '../../builders/chance.ts'
import { manualClock } from '../../builders/manual-clock.ts'

const BACKOFF = { baseMs: 1000, capMs: 5000 }
/** The longest wait that is drawn. */
const longest = scriptedRandom(1)

test('the bound of the wait doubles with each failure, up to the cap', () => {
  const retries = createRetries(manualClock(), longest, BACKOFF)
  assert.deepEqual(
    [1, 2, 3, 4, 5].map(() => retries.plan()),
    [1000, 2000, 4000, 5000, 5000],
  )
})

test('after a good socket it begins from the start', () => {
  const retries = createRetries(manualClock(), longest, BACKOFF)
  retries.plan()
  retries.plan()
  retries.wentWell()
  assert.equal(retries.plan(), 1000)
})

test('what is left of a wait counts from when it was planned, so that the time that was told is true', () => {
  const clock = manualClock()
  const retries = createRetries(clock, longest, BACKOFF)
  retries.plan()
  clock.advance(300)
  assert.equal(retries.left(), 700)
  clock.advance(5000)
  assert.equal(retries.left(), 0)
})

test('without a plan a wait is drawn', () => {
  const retries = createRetries(manualClock(), longest, BACKOFF)
  assert.equal(retries.left(), 1000)
  retries.plan()
  retries.forget()
  assert.equal(retries.left(), 4000)
})

test('a fixed wait is no failure', () => {
  const retries = createRetries(manualClock(), longest, BACKOFF)
  assert.equal(retries.plan(3000), 3000)
  assert.equal(retries.left(), 3000)
  assert.equal(retries.plan(), 1000)
})
