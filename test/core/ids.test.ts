import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deviceId, epoch, hasIdForm, serverId } from '../../core/ids.ts'
import { unassignedShard } from '../../core/store/device-row.ts'
import { UNASSIGNED_SHARDS } from '../../core/store/tables.ts'
import { counts } from '../builders/builders.ts'

test('an id has 1 to 64 characters that are safe in a path, a key and a log line', () => {
  assert.ok(['a', 'Z9', 'web-1.example_x', 'x'.repeat(64)].every(hasIdForm))
  assert.ok(
    ['', '-a', '.a', '_fleet', 'a b', 'a/b', 'a#b', 'ä', 'a\n', 'x'.repeat(65)].every(
      (text) => !hasIdForm(text),
    ),
  )
})

test('what is not of the form of an id becomes none', () => {
  assert.throws(() => deviceId('../etc'), RangeError)
  assert.throws(() => serverId('name#web-1'), RangeError)
})

test('an epoch is a whole number from 0', () => {
  assert.equal(epoch(0), 0)
  assert.throws(() => epoch(-1), RangeError)
  assert.throws(() => epoch(1.5), RangeError)
  assert.throws(() => epoch(Number.NaN), RangeError)
})

test('waiting devices are spread over all shards, each device always on the same', () => {
  const shards = counts(Array.from({ length: 8000 }, (_, n) => unassignedShard(deviceId(`device-${n}`))))

  assert.equal(shards.size, UNASSIGNED_SHARDS)
  assert.ok(Math.max(...shards.values()) < 1500)
  assert.equal(unassignedShard(deviceId('device-7')), unassignedShard(deviceId('device-7')))
})
