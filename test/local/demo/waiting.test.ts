import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { systemClock } from '../../../core/clock.ts'
import { Interrupted, pause, waitFor } from '../../../local/demo/waiting.ts'

const never = new AbortController().signal

describe('a wait', () => {
  test('that takes too long ends with a sentence that says why', async () => {
    const waiting = waitFor({ clock: systemClock, stop: never }, 'the servers to join', 0, () => false)

    await assert.rejects(waiting, /waited 0 s in vain for the servers to join/)
  })

  test('ends at once when the person presses Ctrl-C', async () => {
    const stop = AbortSignal.abort()

    await assert.rejects(
      waitFor({ clock: systemClock, stop }, 'x', 60_000, () => false),
      Interrupted,
    )
    await assert.rejects(pause({ clock: systemClock, stop }, 60_000), Interrupted)
  })
})
