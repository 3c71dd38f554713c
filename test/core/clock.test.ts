import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sleep, systemClock } from '../../core/clock.ts'
import { manualClock } from '../builders/manual-clock.ts'

describe('the system clock', () => {
  test('measures elapsed time by the clock that has advanced further', () => {
    const now = systemClock.mark()
    const monotonicStoodStill = { monotonicMs: now.monotonicMs, bootMs: now.bootMs - 60_000 }
    const bootStoodStill = { monotonicMs: now.monotonicMs - 90_000, bootMs: now.bootMs }

    assert.ok(systemClock.elapsedMs(monotonicStoodStill) >= 60_000)
    assert.ok(systemClock.elapsedMs(bootStoodStill) >= 90_000)
  })

  test('advances both of its clocks in milliseconds', async () => {
    const since = systemClock.mark()

    await sleep(systemClock, 50)

    const now = systemClock.mark()
    assert.ok(now.monotonicMs - since.monotonicMs >= 49)
    assert.ok(now.bootMs - since.bootMs >= 30)
    assert.ok(systemClock.elapsedMs(since) < 5000)
  })

  test('does not run a timer that was cancelled', async () => {
    let ran = false
    const timer = systemClock.startTimer(5, () => {
      ran = true
    })

    timer.cancel()
    await sleep(systemClock, 20)

    assert.equal(ran, false)
  })
})

describe('sleeping', () => {
  test('ends after its time, on the clock that it was handed', async () => {
    const clock = manualClock()
    const begun = clock.mark()

    await clock.runUntilDone(sleep(clock, 60_000))

    assert.equal(clock.elapsedMs(begun), 60_000)
  })

  test('ends at once when it is aborted, and leaves no timer behind', async () => {
    const clock = manualClock()
    const until = new AbortController()
    const sleeping = sleep(clock, 60_000, until.signal)

    until.abort()

    await sleeping
    assert.equal(clock.timersSet(), 0)
  })

  test('does not begin when it was aborted before it was called', async () => {
    const clock = manualClock()

    await sleep(clock, 60_000, AbortSignal.abort())

    assert.equal(clock.timersSet(), 0)
  })
})
