import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linkedDeviceKey } from '../../core/linked-device.ts'

test('two spellings are the same linked device, and two device numbers are not', () => {
  const key = linkedDeviceKey('15550100101:3@s.whatsapp.net')

  assert.equal(linkedDeviceKey('15550100101.0:3@c.us '), key)
  assert.equal(linkedDeviceKey('15550100101:3@hosted'), key)
  assert.equal(linkedDeviceKey('15550100101:03@S.WhatsApp.net'), key)
  assert.notEqual(linkedDeviceKey('15550100101:4@s.whatsapp.net'), key)
  assert.notEqual(linkedDeviceKey('15550100102:3@s.whatsapp.net'), key)
  assert.notEqual(linkedDeviceKey('15550100101@s.whatsapp.net'), key)
  assert.equal(linkedDeviceKey(' Odd '), linkedDeviceKey('odd'))
})
