import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Stall, UNWATCHED, watchDevice } from '../../../hosts/stalls/device-watch.ts'
import { manualClock } from '../../builders/manual-clock.ts'

const STALL_AFTER_MS = 20_000
const TICK_MS = 1000

function aDeviceWatch() {
  const clock = manualClock()
  const told: Stall[] = []
  let recovered = 0
  const { watch, tick } = watchDevice(clock, STALL_AFTER_MS, {
    stalled: (stall) => told.push(stall),
    recovered: () => recovered++,
  })
  const pass = (ms: number) => {
    for (let passed = 0; passed < ms; passed += TICK_MS) {
      clock.advance(TICK_MS)
      tick(TICK_MS, TICK_MS)
    }
  }
  return { watch, told, pass, recovered: () => recovered }
}

describe('the watch of one device', () => {
  test('lets time pass only by ticks', () => {
    const { watch, pass } = aDeviceWatch()
    watch.begin('send', 'a send')

    pass(5000)

    assert.equal(watch.oldestMs(), 5000)
  })

  test('tells a stall once its limit is reached, and the recovery once', () => {
    const { watch, told, pass, recovered } = aDeviceWatch()
    const work = watch.begin('send', 'a send')
    pass(STALL_AFTER_MS - TICK_MS)
    assert.equal(told.length, 0)

    pass(TICK_MS)
    work.end()
    pass(2 * TICK_MS)

    assert.equal(told.length, 1)
    assert.equal(recovered(), 1)
  })

  test('does not age work of a kind during its pause', () => {
    const { watch, told, pass } = aDeviceWatch()
    watch.begin('send', 'a send')
    watch.pause(['send'], 60_000)

    pass(60_000)

    assert.deepEqual(told, [])
  })

  test('ends a pause by itself after its longest time', () => {
    const { watch, told, pass } = aDeviceWatch()
    watch.begin('send', 'a send')
    watch.pause(['send'], 5000)

    pass(5000 + STALL_AFTER_MS)

    assert.equal(told.length, 1)
  })

  test('ages a queue of decrypts from the time when the last one ended', () => {
    const { watch, told, pass } = aDeviceWatch()
    watch.begin('decrypt', 'the second')
    const first = watch.begin('decrypt', 'the first')
    pass(STALL_AFTER_MS - TICK_MS)

    first.end()
    pass(STALL_AFTER_MS - TICK_MS)

    assert.deepEqual(told, [])
  })

  test('counts the age of work on over tries that fail under one key', () => {
    const { watch, pass } = aDeviceWatch()
    watch.begin('query', 'the first try', 'key-1').failed()
    pass(3000)

    watch.begin('query', 'the second try', 'key-1')

    assert.equal(watch.oldestMs(), 3000)
  })

  test('of no socket tells nothing', () => {
    UNWATCHED.begin('send', 'a send')

    assert.equal(UNWATCHED.oldestMs(), 0)
  })
})
