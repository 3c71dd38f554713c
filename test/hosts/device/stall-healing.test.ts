import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createHealing } from '../../../hosts/device/stall-healing.ts'
import { scriptedRandom } from '../../builders/chance.ts'
import { manualClock } from '../../builders/manual-clock.ts'

describe('a stalled socket is replaced', () => {
  test('at once the first time, then not before half a minute, then a minute, and so on', () => {
    const clock = manualClock()
    const healing = createHealing(clock, scriptedRandom(1, 1, 1))
    const waited = (ms: number) => {
      clock.advance(ms)
      return healing.mayReplace()
    }

    assert.equal(healing.mayReplace(), true)
    healing.replaced()
    assert.equal(waited(29_000), false)
    assert.equal(waited(1000), true)
    healing.replaced()
    assert.equal(waited(59_000), false)
    assert.equal(waited(1000), true)
  })

  test('a quarter of an hour after the last replacement at the latest', () => {
    const clock = manualClock()
    const healing = createHealing(clock, scriptedRandom(1))
    for (const _ of Array.from({ length: 20 })) healing.replaced()

    clock.advance(15 * 60_000)

    assert.equal(healing.mayReplace(), true)
  })

  test('as the first time when it has not stalled for half an hour', () => {
    const clock = manualClock()
    const healing = createHealing(clock, scriptedRandom(1))
    for (const _ of Array.from({ length: 20 })) healing.replaced()
    clock.advance(31 * 60_000)
    assert.equal(healing.mayReplace(), true)

    healing.replaced()
    clock.advance(30_000)

    assert.equal(healing.mayReplace(), true)
  })
})
