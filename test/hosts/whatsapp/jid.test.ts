import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { jidOf } from '../../../hosts/whatsapp/jid.ts'

describe('the jid of a recipient', () => {
  for (const written of ['15550100101', '+15550100101', '+1 555 010-0101']) {
    test(`is made from the phone number ${written}`, () => {
      assert.equal(jidOf(written), '15550100101@s.whatsapp.net')
    })
  }

  for (const jid of ['15550100101@s.whatsapp.net', '1000@lid', '1203630000@g.us']) {
    test(`is ${jid} where that is given`, () => {
      assert.equal(jidOf(jid), jid)
    })
  }

  test('is not made up from a text that is no number', () => {
    assert.equal(jidOf('harbour master'), 'harbour master')
  })
})
