import assert from 'node:assert/strict'
import { test } from 'node:test'
import { afterDisconnect, CONFLICT_WINDOW_MS, recentConflicts } from '../../hosts/disconnect.ts'

for (const [code, next] of [
  [515, 'reconnect_now'],
  [440, 'conflict'],
  [401, 'logged_out'],
  [403, 'stop'],
  [411, 'stop'],
  [408, 'reconnect_later'],
  [428, 'reconnect_later'],
  [500, 'reconnect_later'],
  [503, 'reconnect_later'],
  [0, 'reconnect_later'],
  [599, 'reconnect_later'],
] as const) {
  test(`a socket closed with ${code} is followed by ${next}`, () => {
    assert.equal(afterDisconnect(code).next, next)
  })
}

test('a stop says which code made it', () => {
  assert.match(JSON.stringify(afterDisconnect(403)), /403, forbidden/)
})

test('three conflicts count, the newest last, and older ones are forgotten', () => {
  assert.deepEqual(recentConflicts(undefined, 5), [5])
  assert.deepEqual(recentConflicts([1, 2, 3], 4), [2, 3, 4])
})

test('a conflict older than ten minutes does not count', () => {
  const now = 10 * CONFLICT_WINDOW_MS
  assert.deepEqual(recentConflicts([now - CONFLICT_WINDOW_MS, now - 1000], now), [now - 1000, now])
})
