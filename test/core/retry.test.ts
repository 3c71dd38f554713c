import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { jittered, type RetryOptions, retry } from '../../core/retry.ts'
import { scriptedRandom } from '../builders/chance.ts'
import { manualClock } from '../builders/manual-clock.ts'

const WAIT_MS = 100

/** Work that fails as often as it is told to, and notes when it was tried. */
function failing(times: number, options: Partial<RetryOptions<string>> = {}) {
  const clock = manualClock()
  const begun = clock.mark()
  const triedAtMs: number[] = []
  const work = async () => {
    triedAtMs.push(clock.elapsedMs(begun))
    if (triedAtMs.length <= times) throw new Error(`failure ${triedAtMs.length}`)
    return 'done'
  }
  const result = retry(work, { clock, waitMs: () => WAIT_MS, triesMax: 3, ...options })
  return { clock, triedAtMs, ended: () => clock.runUntilDone(result) }
}

describe('retry', () => {
  test('tries again after a wait until the work succeeds', async () => {
    const { ended, triedAtMs } = failing(2)

    assert.equal(await ended(), 'done')
    assert.deepEqual(triedAtMs, [0, 100, 200])
  })

  test('throws the last error when the limit is reached, without another wait', async () => {
    const { ended, clock, triedAtMs } = failing(9)

    await assert.rejects(ended(), /failure 3/)
    assert.deepEqual(triedAtMs, [0, 100, 200])
    assert.equal(clock.timersSet(), 0)
  })

  test('tells how long to wait by the number of failures', async () => {
    const { ended, triedAtMs } = failing(2, { waitMs: (failed) => failed * 1000 })

    await ended()

    assert.deepEqual(triedAtMs, [0, 1000, 3000])
  })

  test('throws a final error at once', async () => {
    const { ended, triedAtMs } = failing(9, { isFinal: (error) => String(error).includes('failure 2') })

    await assert.rejects(ended(), /failure 2/)
    assert.equal(triedAtMs.length, 2)
  })

  test('tries nothing when it may not', async () => {
    const { ended, triedAtMs } = failing(0, { mayTry: () => false, giveUp: (why) => why })

    assert.equal(await ended(), 'stopped')
    assert.equal(triedAtMs.length, 0)
  })

  test('stops between two tries when it may not go on', async () => {
    let may = 2
    const { ended, triedAtMs } = failing(9, {
      mayTry: () => may-- > 0,
      giveUp: (why, error) => `${why}: ${(error as Error).message}`,
    })

    assert.equal(await ended(), 'stopped: failure 2')
    assert.equal(triedAtMs.length, 2)
  })

  test('hands the limit and the last error to the caller that wants to give up in its own way', async () => {
    const { ended } = failing(9, { giveUp: (why, error) => `${why}: ${(error as Error).message}` })

    assert.equal(await ended(), 'limit: failure 3')
  })

  test('cuts its waits short when it is woken, and still keeps to the limit', async () => {
    const woken = new AbortController()
    woken.abort()
    const { ended, triedAtMs } = failing(9, { wake: woken.signal })

    await assert.rejects(ended(), /failure 3/)
    assert.deepEqual(triedAtMs, [0, 0, 0])
  })
})

describe('jittered waits', () => {
  const BACKOFF = { baseMs: 100, capMs: 1000 }

  test('double with each failure up to the cap', () => {
    const waitMs = jittered(scriptedRandom(0.5), BACKOFF)

    assert.deepEqual([1, 2, 3, 4, 30].map(waitMs), [100, 200, 400, 500, 500])
  })

  test('are drawn again for each failure', () => {
    const waitMs = jittered(scriptedRandom(0, 0.25), BACKOFF)

    assert.equal(waitMs(1), 0)
    assert.equal(waitMs(1), 50)
  })
})
