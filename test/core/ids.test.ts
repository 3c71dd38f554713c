import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deviceId, epoch, hasIdForm, serverId } from '../../core/ids.ts'

test('an id has 1 to 64 characters that are safe in a path, a key and a log line', () => {
  assert.ok(['a', 'Z9', 'web-1.example_x', 'x'.repeat(64)].every(hasIdForm))
  assert.ok(
    ['', '-a', '.a', '_fleet', 'a b', 'a/b', 'a#b', 'ä', 'a\n', 'x'.repeat(65)].every(
      (text) => !hasIdForm(text),
    ),
  )
})

test('a text without the form of an id becomes none', () => {
  assert.throws(() => deviceId('../etc'), RangeError)
  assert.throws(() => serverId('name#web-1'), RangeError)
})

test('an epoch is a whole number from 0', () => {
  assert.equal(epoch(0), 0)
  assert.throws(() => epoch(-1), RangeError)
  assert.throws(() => epoch(1.5), RangeError)
  assert.throws(() => epoch(Number.NaN), RangeError)
})
