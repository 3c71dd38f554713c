import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { systemClock } from '../../../core/clock.ts'
import { readDemoOptions } from '../../../local/demo/options.ts'
import { makeUndo } from '../../../local/demo/undo.ts'
import { Interrupted, pause, waitFor } from '../../../local/demo/waiting.ts'

const never = new AbortController().signal

describe('what was started is ended', () => {
  test('the latest first, and each once', async () => {
    const ended: string[] = []
    const undo = makeUndo()
    for (const name of ['database', 'server', 'pairing']) {
      undo.add(async () => {
        ended.push(name)
      })
    }

    await undo.all()
    await undo.all()

    assert.deepEqual(ended, ['pairing', 'server', 'database'])
  })

  test('also when one of them cannot be ended, which is told', async () => {
    const ended: string[] = []
    const undo = makeUndo()
    undo.add(async () => {
      ended.push('database')
    })
    undo.add(() => Promise.reject(new Error('the server does not end')))

    await assert.rejects(undo.all(), /the server does not end/)

    assert.deepEqual(ended, ['database'])
  })
})

describe('a wait', () => {
  test('that takes too long ends with a sentence', async () => {
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

describe('the options', () => {
  test('are 60 devices unless another number is given', () => {
    assert.deepEqual(readDemoOptions([]), { devices: 60 })
    assert.deepEqual(readDemoOptions(['--devices', '12']), { devices: 12 })
  })

  test('--help asks for help', () => {
    assert.equal(readDemoOptions(['--help']), undefined)
  })

  for (const number of ['5', '301', '7.5', 'many']) {
    test(`--devices ${number} is refused with the numbers that are allowed`, () => {
      assert.throws(() => readDemoOptions(['--devices', number]), /whole number from 6 to 300/)
    })
  }
})
