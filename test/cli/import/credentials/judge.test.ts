import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { Curve } from '@whiskeysockets/baileys'
import { judgeCredentials, type Linked } from '../../../../cli/import/credentials/judge.ts'
import { deviceId } from '../../../../core/ids.ts'
import { asJson, keysOfAllTypes, linkedCreds } from '../builders.ts'

type Parts = Record<string, Record<string, unknown>>
const keys = keysOfAllTypes() as Parts

function judged(creds: unknown, byType: Parts = keys) {
  return judgeCredentials(deviceId('shop-1'), creds, byType, [])
}

function linked(creds: unknown, byType?: Parts): Linked {
  const found = judged(creds, byType)
  assert.ok('account' in found, JSON.stringify(found).slice(0, 200))
  return found
}

/** Why these creds are refused. */
function whyNot(creds: unknown): string {
  const found = judged(creds)
  assert.ok('unusable' in found)
  return found.unusable
}

describe('creds are taken', () => {
  test('as they are, when they are as Baileys writes them', () => {
    const creds = linkedCreds()
    const { creds: taken, keys: byType, leftOut } = linked(creds)

    assert.deepEqual(asJson(taken), asJson(creds))
    assert.deepEqual(asJson(byType), asJson(keys))
    assert.deepEqual(leftOut, [])
  })

  test('with their jids normalised, in the creds as well: Baileys logs in with them', () => {
    const me = { id: ' 15550100101.0:3@C.us', lid: '99001_1:3@LID ', name: 'Shop' }
    const { creds, account } = linked(linkedCreds({ me }))

    assert.deepEqual(account, { jid: '15550100101:3@s.whatsapp.net', lid: '99001:3@lid' })
    assert.deepEqual((creds as { me: unknown }).me, {
      id: '15550100101:3@s.whatsapp.net',
      lid: '99001:3@lid',
      name: 'Shop',
    })
  })

  test('without a LID that is none, because WhatsApp tells it again', () => {
    const me = { id: '15550100101:3@s.whatsapp.net', lid: { user: '99001' } }
    const { account, leftOut } = linked(linkedCreds({ me }))

    assert.deepEqual(account, { jid: me.id })
    assert.deepEqual(leftOut, [
      'its LID (me.lid) is left out, because it is an object instead of a text; WhatsApp tells it again',
    ])
  })

  test('with public keys that have the byte of their curve before them, which Baileys keeps without', () => {
    const pair = Curve.generateKeyPair()
    const prefixed = { ...pair, public: Buffer.concat([Buffer.from([5]), pair.public]) }
    const { creds } = linked(linkedCreds({ noiseKey: prefixed }))

    assert.deepEqual(asJson((creds as { noiseKey: unknown }).noiseKey), asJson(pair))
  })

  test('with an account whose bytes are base64, or of which a part is missing: it is told', () => {
    const consent = linkedCreds().account as Record<string, Buffer>
    const base64 = Object.fromEntries(
      Object.entries(consent).map(([part, bytes]) => [part, bytes.toString('base64')]),
    )
    const { deviceSignature, ...partly } = consent

    assert.deepEqual(linked(linkedCreds({ account: base64 })).leftOut, [])
    assert.deepEqual(linked(linkedCreds({ account: partly })).leftOut, [
      'its account has no deviceSignature: contacts may refuse its first messages to them',
    ])
  })
})

describe('creds are refused in words that name the damaged part', () => {
  const pair = Curve.generateKeyPair()
  const [short, long] = [Buffer.alloc(0), Buffer.alloc(33, 7)]
  const signed = linkedCreds().signedPreKey as Record<string, unknown>
  const consent = linkedCreds().account as Record<string, unknown>
  const missing = 'a part that every device needs is missing: '
  const cases: [words: string, parts: Record<string, unknown>][] = [
    [`${missing}noiseKey`, { noiseKey: undefined }],
    [`${missing}noiseKey.private`, { noiseKey: {} }],
    [`${missing}noiseKey.private`, { noiseKey: { ...pair, private: 'AAAA' } }],
    ['noiseKey.private has 0 bytes instead of 32', { noiseKey: { ...pair, private: short } }],
    ['noiseKey.public has 33 bytes instead of 32', { noiseKey: { ...pair, public: long } }],
    [
      'the two keys of signedIdentityKey are not one pair',
      { signedIdentityKey: { ...pair, public: Curve.generateKeyPair().public } },
    ],
    [
      'signedPreKey.keyPair.public has 0 bytes instead of 32',
      { signedPreKey: { ...signed, keyPair: { ...pair, public: short } } },
    ],
    ['signedPreKey.signature has 33 bytes instead of 64', { signedPreKey: { ...signed, signature: long } }],
    [
      'signedPreKey.keyId is no whole number from 0 to 16777215',
      { signedPreKey: { ...signed, keyId: 2 ** 24 } },
    ],
    [`${missing}registrationId`, { registrationId: Number.NaN }],
    [`${missing}registrationId`, { registrationId: '7' }],
    ['registrationId is no whole number from 0 to 4294967295', { registrationId: 1e308 }],
    ['registrationId is no whole number from 0 to 4294967295', { registrationId: -1 }],
    ['registrationId is no whole number from 0 to 4294967295', { registrationId: 1.5 }],
    [`${missing}advSecretKey`, { advSecretKey: 7 }],
    ['advSecretKey is not 32 bytes in base64', { advSecretKey: '' }],
    ['advSecretKey is not 32 bytes in base64', { advSecretKey: 'A'.repeat(300_000) }],
    [`${missing}account`, { account: 'yes' }],
    [`${missing}account.details`, { account: {} }],
    [
      'account.accountSignature has 0 bytes instead of 64',
      { account: { ...consent, accountSignature: short } },
    ],
    [
      'account.accountSignatureKey has 33 bytes instead of 32',
      { account: { ...consent, accountSignatureKey: long } },
    ],
    [`${missing}account.deviceSignature`, { account: { ...consent, deviceSignature: '\u001b[2J' } }],
  ]
  for (const [words, parts] of cases) {
    test(`${Object.keys(parts)[0]}: ${words}`, () => {
      assert.equal(whyNot(linkedCreds(parts)), `its creds are damaged: ${words}`)
    })
  }

  test('when they are no object', () => {
    for (const creds of [null, undefined, 7, 'text', [], true, Buffer.alloc(3)]) {
      assert.equal(whyNot(creds), `its creds are damaged: ${missing}the whole`)
    }
  })

  test('when they have grown beyond what can be stored, or nest without end', () => {
    const large = { additionalData: randomBytes(320).toString('hex') }
    const noise = Array.from({ length: 9000 }, () => randomBytes(32).toString('base64'))
    const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)

    assert.ok('account' in judged(linkedCreds(large)))
    assert.equal(whyNot(linkedCreds({ additionalData: noise })), 'its creds are too large to be stored')
    assert.equal(whyNot(linkedCreds({ additionalData: deep })), 'its credentials are nested too deep')
  })

  test('when no phone has linked them', () => {
    const never = 'it was never linked to a phone'

    assert.equal(whyNot(linkedCreds({ account: undefined })), never)
    for (const me of [undefined, null, 7, {}, [], { id: '' }, { id: null }]) {
      assert.equal(whyNot(linkedCreds({ me })), never)
    }
  })

  test('when their jid is none', () => {
    for (const id of [{}, ['1'], 7, '\u001b[31m', '1'.repeat(300_000), '15550100101@s.whatsapp.net', true]) {
      assert.match(
        whyNot(linkedCreds({ me: { id } })),
        /^its jid \(me\.id\) cannot be that of a linked device: it [a-z0-9 ,]+$/,
      )
    }
  })
})

describe('keys', () => {
  test('that are damaged are left out and named, and the others are taken', () => {
    const [one, two] = [Curve.generateKeyPair(), Curve.generateKeyPair()]
    const found = linked(linkedCreds(), {
      'pre-key': {
        1: one,
        2: { ...one, private: Buffer.alloc(0) },
        3: { private: one.private, public: two.public },
        4: 'text',
        '01': one,
        x: one,
        99999999: one,
      },
      session: { '15550101.0': { _sessions: {} }, '15550102.0': 7, '15550103.0': {}, '15550104.0': [] },
      'lid-mapping': { '15550101': '99001', '15550102': { lid: '99002' }, '15550103': '\u001b[2J' },
      'device-list': { '15550101': ['0'], '15550102': '0' },
      'sender-key': { 'a@g.us::15550101::0': Buffer.alloc(0), 'b@g.us::15550101::0': Buffer.from('[1]') },
      'app-state-sync-key': { AAAA: { keyData: Buffer.alloc(32) }, BBBB: {} },
    })

    assert.deepEqual(
      Object.entries(found.keys).map(([type, byId]) => [type, Object.keys(byId)]),
      [
        ['pre-key', ['1']],
        ['session', ['15550101.0']],
        ['lid-mapping', ['15550101']],
        ['device-list', ['15550101']],
        ['sender-key', ['b@g.us::15550101::0']],
        ['app-state-sync-key', ['AAAA']],
      ],
    )
    assert.deepEqual(found.leftOut, [
      '6 keys are damaged and left out: pre-key-2, pre-key-3, pre-key-4, pre-key-99999999, pre-key-01, and 1 more',
      '3 keys are damaged and left out: session-15550102.0, session-15550103.0, session-15550104.0',
      '2 keys are damaged and left out: lid-mapping-15550102, lid-mapping-15550103',
      '1 key is damaged and left out: device-list-15550102',
      '1 key is damaged and left out: sender-key-a@g.us::15550101::0',
      '1 key is damaged and left out: app-state-sync-key-BBBB',
    ])
  })

  test('of a whole set are proved when a few of them are no pairs', () => {
    const pairs = Array.from({ length: 100 }, () => Curve.generateKeyPair())
    const shifted = pairs.map((pair, at) => ({ ...pair, public: (pairs[at + 1] ?? pair).public }))
    const { keys: byType } = linked(linkedCreds(), { 'pre-key': Object.fromEntries(Object.entries(shifted)) })

    assert.deepEqual(Object.keys(byType['pre-key'] ?? {}), ['99'])
  })
})
