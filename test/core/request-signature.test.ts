import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signDoorbell, verifyDoorbell } from '../../core/request-signature.ts'

const SECRET = 'a secret of the fleet'
const BODY = '{"serverId":"server-1"}'
const NOW = 1_893_456_000_000

test('a ring that was signed with the secret is accepted', () => {
  assert.equal(verifyDoorbell(SECRET, signDoorbell(SECRET, BODY, NOW), BODY, NOW + 1000), true)
})

test('a ring that was signed with another secret is refused', () => {
  assert.equal(verifyDoorbell(SECRET, signDoorbell('another secret', BODY, NOW), BODY, NOW), false)
})

test('a ring for another server is refused', () => {
  assert.equal(verifyDoorbell(SECRET, signDoorbell(SECRET, BODY, NOW), '{"serverId":"server-2"}', NOW), false)
})

test('a ring whose time was changed is refused', () => {
  const said = { ...signDoorbell(SECRET, BODY, NOW), time: String(NOW + 1) }
  assert.equal(verifyDoorbell(SECRET, said, BODY, NOW), false)
})

test('a ring is accepted for a minute, and no longer', () => {
  const said = signDoorbell(SECRET, BODY, NOW)
  assert.equal(verifyDoorbell(SECRET, said, BODY, NOW + 60_000), true)
  assert.equal(verifyDoorbell(SECRET, said, BODY, NOW + 60_001), false)
  assert.equal(verifyDoorbell(SECRET, said, BODY, NOW - 60_001), false)
})

for (const said of [
  { time: '', signature: '' },
  { time: 'now', signature: 'x' },
  { time: String(NOW), signature: '\u{1f514}'.repeat(32) },
]) {
  test(`a ring with the headers ${JSON.stringify(said)} is refused`, () => {
    assert.equal(verifyDoorbell(SECRET, said, BODY, NOW), false)
  })
}
