import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BufferJSON, Curve } from '@whiskeysockets/baileys'
import { isEmptySession, loadSessionData } from '../../../../cli/import/sources/session-data.ts'
import { deviceId } from '../../../../core/ids.ts'
import { asJson, keysOfAllTypes, linkedCreds } from '../builders.ts'

const creds = linkedCreds()
const keys = keysOfAllTypes()
const asText = (value: unknown) => JSON.stringify(value, BufferJSON.replacer)

function load(session: unknown) {
  return loadSessionData(deviceId('shop-1'), session)
}

function taken(session: unknown) {
  const loaded = load(session)
  assert.ok('account' in loaded, JSON.stringify(loaded).slice(0, 200))
  return loaded
}

function why(session: unknown): string {
  const loaded = load(session)
  assert.ok('unusable' in loaded)
  return loaded.unusable
}

describe('session data is read', () => {
  test('as creds alone, as a text in a text in a text', () => {
    const once = asText(creds)
    const thrice = JSON.stringify(JSON.stringify(once))

    for (const session of [JSON.parse(once), once, JSON.stringify(once), thrice]) {
      const { creds: found, holdings } = taken(session)
      assert.deepEqual(asJson(found), asJson(creds))
      assert.deepEqual(holdings.losses, [
        'it has no keys: the first messages from each contact need a second try',
      ])
    }
  })

  test('with creds, keys, and each key in texts of their own', () => {
    const eachText = Object.fromEntries(
      Object.entries(keys).map(([type, byId]) => [
        type,
        Object.fromEntries(Object.entries(byId).map(([id, value]) => [id, asText(value)])),
      ]),
    )
    const session = { creds: JSON.stringify(asText(creds)), keys: asText(eachText) }

    const found = taken(session)

    assert.deepEqual(asJson(found.creds), asJson(creds))
    assert.deepEqual(asJson(found.keys), asJson(keys))
  })

  test("with bytes in MongoDB's forms, and as numbers by place", () => {
    const pair = Curve.generateKeyPair()
    const base64 = Buffer.from(pair.private).toString('base64')
    const forms = [
      { $binary: { base64, subType: '00' } },
      { $binary: base64, $type: '00' },
      { ...new Uint8Array(pair.private) },
      { type: 'Buffer', data: [...pair.private] },
    ]

    for (const form of forms) {
      const session = JSON.parse(asText({ creds, keys: { 'pre-key': { 1: { ...pair, private: form } } } }))
      assert.deepEqual(asJson(taken(session).keys), asJson({ 'pre-key': { 1: pair } }))
    }
  })
})

test('a cell without session data is empty, however it is written', () => {
  for (const nothing of [null, undefined, '', ' ', 'null', 'NULL', 'Null', '\\N', '{}', {}, '""']) {
    assert.equal(isEmptySession(nothing), true, JSON.stringify(nothing))
  }
  assert.deepEqual(load('"null"'), { unlinked: true })
  assert.equal(isEmptySession([]), false)
})

describe('session data is refused in words:', () => {
  const cases: [words: string, session: unknown][] = [
    ['its session data is a list instead of an object', []],
    ['its session data is a list instead of an object', '[1,2]'],
    ['its session data is a number instead of an object', 7],
    ['its session data is a number instead of an object', '1e308'],
    ['its session data is a boolean instead of an object', true],
    ['its session data is bytes instead of an object', Buffer.from('x').toJSON()],
    ['its session data cannot be read: it is not JSON', 'garbage\u001b[2J'],
    ['its session data cannot be read: it is not JSON', JSON.stringify('garbage')],
    ['its session data holds no creds', { keys: {} }],
    ['its session data holds no creds', { creds: null, keys: {} }],
    ['its creds are damaged: a part that every device needs is missing: the whole', { creds: [] }],
    ['its session data cannot be read: it is not JSON', { creds: 'garbage' }],
  ]
  for (const [words, session] of cases) {
    test(`${words}: ${JSON.stringify(session).slice(0, 40)}`, () => assert.equal(why(session), words))
  }

  test('inherited creds are no creds', () => {
    assert.deepEqual(load('{"__proto__":{"creds":{}}}'), { unlinked: true })
  })

  test('nested a hundred thousand levels deep, as a value and as text', () => {
    const deep = `{"creds":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`

    assert.equal(why(deep), 'its session data cannot be read: it is nested too deep')
    assert.equal(why(JSON.parse(deep)), 'its session data cannot be read: it is nested too deep')
  })

  test('a text in a text without end', () => {
    let text = asText({ creds })
    for (let times = 0; times < 8; times++) text = JSON.stringify(text)

    assert.equal(why(text), 'its session data is a text instead of an object')
  })
})

test('keys that are no object are told, and the device is taken without them', () => {
  assert.deepEqual(taken({ creds: JSON.parse(asText(creds)), keys: [1, 2, 3] }).leftOut, [
    'its keys are a list instead of an object',
  ])
})

test('the digest tells whether the session data has changed', () => {
  const digest = (session: unknown) => taken(session).digest
  const changed = { creds, keys: { 'pre-key': { 1: Curve.generateKeyPair() } } }

  assert.equal(digest(asText({ creds })), digest(asText({ creds })))
  assert.notEqual(digest(asText(changed)), digest(asText({ creds })))
})
