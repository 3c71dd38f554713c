import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { actOf, isKept, totalsOf } from '../../../local/demo/tally.ts'
import { makeJudge } from '../../../local/whatsapp/judge.ts'
import { outcome, QUIET_ACT } from './fixtures.ts'

describe('the arithmetic of the summary', () => {
  test('an act counts what the judge saw during it, and each struck account once', () => {
    const judge = makeJudge(0)
    judge.loggedIn('a', { id: 1, label: 'naive-1:1' }, 0)
    judge.loggedIn('a', { id: 2, label: 'naive-2:2' }, 100)
    judge.conflicted('a', 'overlap', { id: 1, label: 'naive-1:1' }, 100)
    judge.conflicted('a', 'foreign', { id: 2, label: 'naive-2:2' }, 200)
    judge.closed('a', 1, 200)
    judge.closed('a', 2, 1000)
    judge.loggedIn('a', { id: 3, label: 'naive-1:3' }, 3500)

    assert.deepEqual(actOf(judge.report(1)), {
      overlaps: 1,
      conflicts: 2,
      struck: ['a'],
      gaps: { count: 1, p50: 2.5, p99: 2.5, max: 2.5 },
    })
  })

  test('totals add up the acts, but count a device that was struck in two acts once', () => {
    const totals = totalsOf({
      start: QUIET_ACT,
      killed: { ...QUIET_ACT, overlaps: 4, conflicts: 3, struck: ['a', 'b'] },
      drained: { ...QUIET_ACT, overlaps: 2, conflicts: 2, struck: ['b', 'c'] },
    })

    assert.deepEqual(totals, { overlaps: 6, conflicts: 5, devicesStruck: 3 })
  })
})

describe('the promise is kept', () => {
  test('when nothing was counted and all devices are connected', () => {
    assert.equal(isKept(outcome()), true)
  })

  test('not when there was one overlap, even without a conflict', () => {
    assert.equal(isKept(outcome({ start: { ...QUIET_ACT, overlaps: 1 } })), false)
  })

  test('not when there was one conflict', () => {
    assert.equal(isKept(outcome({ drained: { ...QUIET_ACT, conflicts: 1, struck: ['a'] } })), false)
  })

  test('not when a device is missing at the end', () => {
    assert.equal(isKept(outcome({ connectedAtEnd: 59 })), false)
  })
})
