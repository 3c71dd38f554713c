import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createProgress, createRate, progressLine } from '../../../cli/import/progress.ts'
import { manualClock } from '../../builders/manual-clock.ts'
import { aTerminal } from './terminals.ts'

describe('a progress line', () => {
  const reached = { done: 312, total: 1000, what: 'imported', perSecond: 14.1 }

  test('tells the count, the rate and the time left', () => {
    assert.equal(progressLine(reached), '312 of 1000 imported, 14 a second, 49 s left')
  })

  test('tells no time left while the number is not known, or nothing moves', () => {
    assert.equal(
      progressLine({ ...reached, total: undefined, what: 'rows read' }),
      '312 rows read, 14 a second',
    )
    assert.equal(progressLine({ ...reached, perSecond: 0 }), '312 of 1000 imported, 0 a second')
  })

  test('tells minutes and hours, and a slow rate with its fraction', () => {
    assert.match(progressLine({ ...reached, perSecond: 2.5 }), /, 2\.5 a second, 5 min left$/)
    assert.match(progressLine({ ...reached, perSecond: 0.1 }), /, 0\.1 a second, 1 h 55 min left$/)
  })

  test('tells the count alone before there is a rate', () => {
    assert.equal(progressLine({ ...reached, perSecond: undefined }), '312 of 1000 imported')
  })
})

test('the rate is that of the last half minute', () => {
  const clock = manualClock()
  const rate = createRate(clock)
  assert.equal(rate(0), undefined)
  for (let second = 1; second <= 60; second++) {
    clock.advance(1000)
    rate(second * 10)
  }
  let last: number | undefined
  for (let second = 1; second <= 31; second++) {
    clock.advance(1000)
    last = rate(600 + second)
  }

  assert.equal(last, 1)
})

describe('the progress of 1000 devices in 100 seconds', () => {
  function run(isInteractive: boolean, json = false) {
    const clock = manualClock()
    const terminal = aTerminal(isInteractive)
    const progress = createProgress({ terminal, clock, json })
    for (let done = 1; done <= 1000; done++) {
      clock.advance(100)
      progress.show(done, 1000, 'imported')
    }
    return terminal
  }

  test('is a line each 10 seconds where there is no terminal', () => {
    const { drawn } = run(false)

    assert.equal(drawn.length, 10)
    assert.equal(drawn[4], '500 of 1000 imported, 10 a second, 50 s left')
  })

  test('is drawn in place on a terminal, some times a second', () => {
    const { drawn } = run(true)

    assert.ok(drawn.length > 400 && drawn.length <= 500, `${drawn.length}`)
  })

  test('is not told under --json', () => {
    assert.deepEqual(run(false, true).drawn, [])
  })
})

test('a note stays, and a line of the progress is drawn below it', () => {
  const terminal = aTerminal(true)
  const progress = createProgress({ terminal, clock: manualClock(), json: false })
  progress.note('device "a\u001b[2J" has not connected')

  assert.deepEqual(terminal.printed, ['device "a [2J" has not connected'])
})
