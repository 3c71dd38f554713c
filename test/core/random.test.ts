import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { backoffMs, pickIndex, systemRandom } from '../../core/random.ts'
import { scriptedRandom } from '../builders/chance.ts'

const lowest = scriptedRandom(0)
const highest = scriptedRandom(1 - 2 ** -53)

describe('backoff', () => {
  test('doubles its bound with every attempt until the cap', () => {
    const bounds = [0, 1, 2, 3, 4, 5, 100, 5000].map((attempt) => backoffMs(highest, attempt, 1000, 10_000))

    assert.deepEqual(bounds.map(Math.ceil), [1000, 2000, 4000, 8000, 10_000, 10_000, 10_000, 10_000])
  })

  test('has full jitter: it can be 0', () => {
    assert.deepEqual(
      [0, 5, 100].map((attempt) => backoffMs(lowest, attempt, 1000, 10_000)),
      [0, 0, 0],
    )
  })
})

describe('a random pick', () => {
  test('reaches the first and the last index and none beyond', () => {
    assert.equal(pickIndex(lowest, 7), 0)
    assert.equal(pickIndex(highest, 7), 6)
  })
})

describe('the system’s chance', () => {
  test('gives identifiers of 16 hex characters, all different', () => {
    const ids = Array.from({ length: 1000 }, () => systemRandom.id())

    assert.ok(ids.every((id) => /^[0-9a-f]{16}$/.test(id)))
    assert.equal(new Set(ids).size, 1000)
  })

  test('gives fractions from 0 to below 1', () => {
    const fractions = Array.from({ length: 1000 }, () => systemRandom.fraction())

    assert.ok(fractions.every((fraction) => fraction >= 0 && fraction < 1))
  })
})
