import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plainFromExtended } from '../../../../cli/import/forms/extended-json.ts'

test('bytes are read in the canonical form and in that of older programs', () => {
  const bytes = { type: 'Buffer', data: 'AQI=' }

  assert.deepEqual(plainFromExtended({ $binary: { base64: 'AQI=', subType: '00' } }), bytes)
  assert.deepEqual(plainFromExtended({ $binary: 'AQI=', $type: '00' }), bytes)
  assert.deepEqual(plainFromExtended([{ in: { $binary: 'AQI=', $type: '0' } }]), [{ in: bytes }])
})

test('numbers, ids and times become plain JSON', () => {
  const value = {
    int: { $numberInt: '7' },
    long: { $numberLong: '1700000000000' },
    large: { $numberLong: '9223372036854775807' },
    double: { $numberDouble: '1.5' },
    id: { $oid: '0123456789abcdef01234567' },
    at: { $date: '2026-01-01T00:00:00Z' },
    since: { $date: { $numberLong: '1700000000000' } },
    none: { $undefined: true },
  }

  assert.deepEqual(plainFromExtended(value), {
    int: 7,
    long: 1_700_000_000_000,
    large: '9223372036854775807',
    double: 1.5,
    id: '0123456789abcdef01234567',
    at: '2026-01-01T00:00:00Z',
    since: 1_700_000_000_000,
    none: null,
  })
})

test('an object that only looks like extended JSON stays as it is', () => {
  assert.deepEqual(plainFromExtended({ $binary: 7, a: null }), { $binary: 7, a: null })
  assert.deepEqual(plainFromExtended({ $other: '1' }), { $other: '1' })
})
