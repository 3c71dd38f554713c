import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readPhoneNumber } from '../../core/phone-number.ts'

const WRITTEN = [
  '15550100123',
  '+15550100123',
  '0015550100123',
  '+1 555 010 0123',
  '+1 (555) 010-0123',
  '(1) 555.010.0123',
  '1-555-010-0123',
  '1/555/0100123',
  '+1\u00a0555\u2011010\u20130123',
  '+1 555 010\u22120123',
  '\u202a+1 555 010 0123\u202c',
  '\u200e+15550100123\u2060',
  '＋１ ５５５ ０１０ ０１２３',
  '  +1 555 010 0123\n',
  'tel:+1-555-010-0123',
  '[+1] 5550100123',
  '+1 (0) 555 010 0123',
  '00 1 (0)555 010 0123',
]

describe('a phone number', () => {
  for (const written of WRITTEN) {
    test(`written as ${JSON.stringify(written)} is the same one`, () => {
      assert.deepEqual(readPhoneNumber(written), { digits: '15550100123' })
    })
  }
})

const IMPOSSIBLE: readonly [string, RegExp][] = [
  ['', /too short/],
  ['   ', /too short/],
  ['+', /too short/],
  ['00', /too short/],
  ['123456', /too short/],
  ['+1234567890123456', /more than 15 digits/],
  ['0555 010 0123', /without its country code/],
  ['+0 555 010 0123', /without its country code/],
  ['000 555 010 0123', /without its country code/],
  ['555-SHOP-123', /more in it/],
  ['+1 555 010 0123 ext. 4', /more in it/],
  ['+1 555 010 0123, +1 555 010 0124', /more in it/],
  ['++15550100123', /more in it/],
  ['1555+0100123', /more in it/],
  ['15550100123@s.whatsapp.net', /more in it/],
  ['1.5e10', /more in it/],
  ['-١٥٥٥٠١٠٠١٢٣', /more in it/],
  ['9'.repeat(300_000), /too long/],
]

describe('refused as a phone number', () => {
  for (const [written, why] of IMPOSSIBLE) {
    test(`${JSON.stringify(written.slice(0, 40))}`, () => {
      const read = readPhoneNumber(written)

      assert.match('fault' in read ? read.fault : '', why)
    })
  }
})
