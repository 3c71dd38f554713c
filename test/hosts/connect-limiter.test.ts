import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createConnectLimiter } from '../../hosts/connect-limiter.ts'
import { manualClock } from '../core/builders.ts'

const never = new AbortController().signal

test('a second worth of connects goes at once, and the next ones at the given rate', async () => {
  const clock = manualClock()
  const limiter = createConnectLimiter(clock, 5)
  const begun = clock.mark()
  await clock.runUntilDone(Promise.all(Array.from({ length: 5 }, () => limiter.turn(never))))
  assert.equal(clock.elapsedMs(begun), 0)
  await clock.runUntilDone(Promise.all(Array.from({ length: 10 }, () => limiter.turn(never))))
  assert.equal(clock.elapsedMs(begun), 2000)
})

test('an idle limiter saves up no more than a second', async () => {
  const clock = manualClock()
  const limiter = createConnectLimiter(clock, 5)
  clock.advance(60_000)
  const begun = clock.mark()
  await clock.runUntilDone(Promise.all(Array.from({ length: 10 }, () => limiter.turn(never))))
  assert.equal(clock.elapsedMs(begun), 1000)
})

test('who is told to stop waiting gets no turn', async () => {
  const clock = manualClock()
  const limiter = createConnectLimiter(clock, 1)
  const stop = new AbortController()
  assert.equal(await limiter.turn(stop.signal), true)
  const waiting = limiter.turn(stop.signal)
  stop.abort()
  assert.equal(await waiting, false)
})

test('a place that is given up again and again does not hold up those who come later', async () => {
  const clock = manualClock()
  const limiter = createConnectLimiter(clock, 5)
  for (let wait = 0; wait < 500; wait++) {
    const stop = new AbortController()
    const waiting = limiter.turn(stop.signal)
    stop.abort()
    await waiting
  }
  const begun = clock.mark()
  await clock.runUntilDone(limiter.turn(never))
  assert.ok(clock.elapsedMs(begun) <= 1000, `${clock.elapsedMs(begun)} ms`)
})
