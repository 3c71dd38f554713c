import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deviceId } from '../../../core/ids.ts'
import { unassignedShard } from '../../../core/store/device-row.ts'
import { UNASSIGNED_SHARDS } from '../../../core/store/tables.ts'
import { counts } from '../../builders/builders.ts'

test('waiting devices are spread over all shards, and each device is always on the same one', () => {
  const shards = counts(Array.from({ length: 8000 }, (_, n) => unassignedShard(deviceId(`device-${n}`))))

  assert.equal(shards.size, UNASSIGNED_SHARDS)
  assert.ok(Math.max(...shards.values()) < 1500)
  assert.equal(unassignedShard(deviceId('device-7')), unassignedShard(deviceId('device-7')))
})
