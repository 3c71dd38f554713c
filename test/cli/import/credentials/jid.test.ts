import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ownJid, ownLid } from '../../../../cli/import/credentials/jid.ts'

const NORMAL = '15550100101:3@s.whatsapp.net'

describe('the jid of a linked device', () => {
  test('is normalised whatever its spelling', () => {
    const spellings = [
      NORMAL,
      ` ${NORMAL}\n`,
      '15550100101:3@S.WhatsApp.Net',
      '15550100101:3@c.us',
      '15550100101:03@s.whatsapp.net',
      '15550100101.0:3@s.whatsapp.net',
      '15550100101_1:3@s.whatsapp.net',
    ]

    for (const spelling of spellings) assert.deepEqual(ownJid(spelling), { jid: NORMAL }, spelling)
    assert.deepEqual(ownJid('15550100101:99@hosted'), { jid: '15550100101:99@hosted' })
  })

  test('is refused in words that quote nothing', () => {
    const words = (value: unknown) => {
      const found = ownJid(value)
      assert.ok('wrong' in found, String(value).slice(0, 100))
      return found.wrong
    }
    const form = 'it has not the form of a phone number with a device'

    assert.equal(words({ id: NORMAL }), 'it is an object instead of a text')
    assert.equal(words([NORMAL]), 'it is a list instead of a text')
    assert.equal(words(15550100101), 'it is a number instead of a text')
    assert.equal(words(null), 'it is null instead of a text')
    assert.equal(words('1'.repeat(300_000)), 'it has 300000 characters')
    assert.equal(words('15550100101@s.whatsapp.net'), 'it has no device number, so it is the jid of a phone')
    assert.equal(
      words('15550100101:0@s.whatsapp.net'),
      'it has no device number, so it is the jid of a phone',
    )
    const others = [
      '\u001b[2J15550100101:3@s.whatsapp.net',
      '15550100101:3@s.whatsapp.net\u202e',
      '15550\u200b100101:3@s.whatsapp.net',
      '１５５５０１００１０１:3@s.whatsapp.net',
      '015550100101:3@s.whatsapp.net',
      '1555010010112345:3@s.whatsapp.net',
      '15550100101:99999@s.whatsapp.net',
      '15550100101:-3@s.whatsapp.net',
      '15550100101:3:3@s.whatsapp.net',
      '1e308:3@s.whatsapp.net',
      '99001:3@lid',
      '120363000000000001@g.us',
      '15550100101:3@s.whatsapp.net/x',
      '15550100101:3',
      '@s.whatsapp.net',
      '__proto__',
    ]
    for (const other of others) assert.equal(words(other), form, JSON.stringify(other))
  })
})

test('a LID is normalised, with a device number or without', () => {
  assert.deepEqual(ownLid(' 99001:3@LID '), { jid: '99001:3@lid' })
  assert.deepEqual(ownLid('99001@lid'), { jid: '99001@lid' })
  assert.deepEqual(ownLid('99001.1:3@lid'), { jid: '99001:3@lid' })
  assert.deepEqual(ownLid(NORMAL), { wrong: 'it has not the form of a LID' })
  assert.deepEqual(ownLid({}), { wrong: 'it is an object instead of a text' })
})
