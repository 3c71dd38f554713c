import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, test } from 'node:test'
import type { Clock } from '../../../core/clock.ts'
import type { Stall } from '../../../hosts/stalls/device-watch.ts'
import { createStallWatches, STALL_AFTER_MS } from '../../../hosts/stalls/stall-watch.ts'
import { manualClock, WALL_START_MS } from '../../builders/manual-clock.ts'

function aWatch() {
  const clock = manualClock()
  const told: Stall[] = []
  let recovered = 0
  const watches = createStallWatches(clock)
  const watch = watches.open({ stalled: (stall) => told.push(stall), recovered: () => recovered++ })
  return { clock, watches, watch, told, recovered: () => recovered }
}

describe('unanswered work of a device', () => {
  for (const kind of ['send', 'query', 'decrypt', 'store', 'lock'] as const) {
    test(`of kind ${kind} is told within 30 s, with its words and since when`, () => {
      const { clock, watch, told } = aWatch()
      watch.begin(kind, 'it waits')

      clock.advance(30_000)

      assert.deepEqual(told[0], { kind, words: 'it waits', since: WALL_START_MS })
    })

    test(`of kind ${kind} is no stall before its limit, nor when it has ended`, () => {
      const { clock, watch, told } = aWatch()
      const work = watch.begin(kind, 'it waits')

      clock.advance(STALL_AFTER_MS - 2000)
      work.end()
      clock.advance(60_000)

      assert.deepEqual(told, [])
    })
  }

  test('does not exist on an idle device', () => {
    const { clock, watch, told } = aWatch()

    clock.advance(3_600_000)

    assert.deepEqual(told, [])
    assert.equal(watch.oldestMs(), 0)
  })

  test('gets 8 s more for a login, whose queries may each stay unanswered', () => {
    const { clock, watch, told } = aWatch()
    watch.begin('login', 'it waits')

    clock.advance(26_000)
    assert.equal(told.length, 0)
    clock.advance(3000)
    assert.equal(told[0]?.kind, 'login')
  })

  test('is told with what it waits for now', () => {
    const { clock, watch, told } = aWatch()
    const work = watch.begin('send', 'the devices')
    work.waitsFor('the confirmation')

    clock.advance(25_000)

    assert.equal(told[0]?.words, 'the confirmation')
  })

  test('goes on ageing over tries that fail, and is forgotten when no further try follows', () => {
    const { clock, watch, told } = aWatch()
    watch.begin('send', 'first', 'A').failed()
    clock.advance(4000)
    const second = watch.begin('send', 'second', 'A')
    clock.advance(17_000)
    assert.equal(told[0]?.since, WALL_START_MS)
    second.failed()
    clock.advance(10_000)
    assert.equal(watch.oldestMs(), 0)
  })

  test('is told as recovered, once, when it is answered after all', () => {
    const { clock, watch, recovered } = aWatch()
    const work = watch.begin('send', 'it waits')
    clock.advance(25_000)

    work.end()
    clock.advance(5000)

    assert.equal(recovered(), 1)
  })

  test('is measured as the oldest of all devices since the last measurement', () => {
    const { clock, watches, watch } = aWatch()
    const work = watch.begin('send', 'it waits')
    clock.advance(12_000)
    work.end()
    clock.advance(5000)

    const worst = watches.worstMs()
    clock.advance(1000)

    assert.ok(worst > 10_000 && worst <= 13_000, `${worst}`)
    assert.equal(watches.worstMs(), 0)
  })

  test('of one device is told even when the handler of another device throws', async (context) => {
    const clock = manualClock()
    const told: Stall[] = []
    const watches = createStallWatches(clock)
    const owner = new AsyncLocalStorage<string>()
    const uncaught = Promise.withResolvers<string | undefined>()
    const hear = () => uncaught.resolve(owner.getStore())
    process.setUncaughtExceptionCaptureCallback(hear)
    context.after(() => process.setUncaughtExceptionCaptureCallback(null))
    const fails = () => {
      throw new Error('of device-1')
    }
    const bad = owner.run('device-1', () => watches.open({ stalled: fails, recovered: () => undefined }))
    const good = watches.open({ stalled: (stall) => told.push(stall), recovered: () => undefined })
    bad.begin('send', 'it waits')
    good.begin('send', 'it waits')

    clock.advance(STALL_AFTER_MS + 1000)
    bad.close()

    assert.equal(told.length > 0, true)
    assert.equal(await uncaught.promise, 'device-1')
  })

  test('keeps no timer when the last socket is closed', () => {
    const { clock, watch } = aWatch()

    watch.close()

    assert.equal(clock.timersSet(), 0)
  })
})

describe('no stall is', () => {
  test('a long queue of messages that moves', () => {
    const { clock, watch, told } = aWatch()
    const waiting = Array.from({ length: 30 }, () => watch.begin('decrypt', 'it waits'))

    for (const work of waiting) {
      clock.advance(10_000)
      work.end()
    }

    assert.deepEqual(told, [])
  })

  test('a store that is slow and answers, whatever waits behind it', () => {
    const { clock, watch, told } = aWatch()
    watch.begin('send', 'it waits')
    const store = watch.begin('store', 'the store')

    for (const _ of Array.from({ length: 20 })) {
      clock.advance(10_000)
      store.again()
    }

    assert.deepEqual(told, [])
  })

  test('a message that waits for room in the inbox, while that wait has its limit', () => {
    const { clock, watch, told } = aWatch()
    watch.begin('decrypt', 'it waits')
    watch.pause(['decrypt'], 60_000)

    clock.advance(60_000)
    assert.equal(told.length, 0)
    clock.advance(25_000)
    assert.equal(told[0]?.kind, 'decrypt')
  })

  test('a process that was frozen: the time in which it did not run does not count', () => {
    const { clock, jump } = frozenClock()
    const told: Stall[] = []
    const watch = createStallWatches(clock).open({
      stalled: (stall) => told.push(stall),
      recovered: () => undefined,
    })
    watch.begin('send', 'it waits')

    jump(3_600_000)

    assert.deepEqual(told, [])
    assert.ok(watch.oldestMs() <= 2000, `${watch.oldestMs()}`)
  })

  test('a machine that slept', () => {
    const { clock, watch, told } = aWatch()
    watch.begin('send', 'it waits')

    clock.suspend(3_600_000)
    clock.advance(1000)

    assert.deepEqual(told, [])
  })
})

/** Its timer fires once after the whole jump, like that of a frozen process. */
function frozenClock() {
  let nowMs = 0
  let due: () => void = () => undefined
  const clock: Clock = {
    wallMs: () => nowMs,
    mark: () => ({ monotonicMs: nowMs, bootMs: nowMs }),
    elapsedMs: ({ monotonicMs }) => nowMs - monotonicMs,
    startTimer(_, run) {
      due = run
      return { cancel: () => undefined }
    },
  }
  const jump = (ms: number) => {
    nowMs += ms
    due()
  }
  return { clock, jump }
}
