import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Curve } from '@whiskeysockets/baileys'
import { dumpedRows } from '../../../../../cli/import/sources/whatsmeow/dump.ts'
import { mapDevice } from '../../../../../cli/import/sources/whatsmeow/state.ts'
import { wholeCreds } from '../../../../../hosts/auth-state/creds.ts'
import { serialise } from '../../../../../hosts/auth-state/serialise.ts'
import { GROUP, storyOf } from './signal-scene.ts'
import {
  APP_STATE_KEY_IDS,
  aDevice,
  CONTACT,
  CONTACT_LID,
  dumpLine,
  identityOf,
  type TestTables,
} from './tables.ts'

function mapped(tables: TestTables) {
  return mapDevice(dumpedRows(JSON.parse(dumpLine(tables))))
}

describe("a device's credentials", () => {
  test('are whole, with the public keys that belong to the private ones', () => {
    const { device, ...tables } = aDevice()
    const pair = Curve.generateKeyPair()
    const noise_key = Buffer.from(pair.private)

    const { creds } = mapped({ ...tables, device: [{ ...device[0], noise_key }] } as TestTables)

    assert.ok(wholeCreds(serialise(creds)))
    assert.deepEqual(Buffer.from(creds.noiseKey.public), Buffer.from(pair.public))
    assert.equal(creds.signedPreKey.keyId, 1)
    assert.equal(creds.advSecretKey, Buffer.alloc(32, 2).toString('base64'))
    assert.deepEqual(creds.me, {
      id: '15550100101:3@s.whatsapp.net',
      lid: '99101:3@lid',
      name: 'The shop',
    })
    assert.equal(creds.platform, 'android')
    assert.deepEqual(creds.account.deviceSignature, Buffer.alloc(64, 4))
    assert.equal(creds.signalIdentities[0]?.identifierKey.length, 33)
  })

  test('go on with the pre-keys where whatsmeow stopped', () => {
    const { creds, keys } = mapped(aDevice())

    assert.equal(creds.nextPreKeyId, 6)
    assert.equal(creds.firstUnuploadedPreKeyId, 5)
    assert.deepEqual(Object.keys(keys['pre-key'] ?? {}), Object.keys(storyOf('talked').ours.preKeys))
  })

  test('name the newest app state key', () => {
    const { creds } = mapped(aDevice())

    assert.equal(creds.myAppStateKeyId, APP_STATE_KEY_IDS[1]?.toString('base64'))
  })

  test('are refused when the device has the address of no phone', () => {
    const hosted = aDevice(undefined, { jid: '15550100101:99@hosted' })

    assert.throws(() => mapped(hosted), /its jid is none of a device that is linked to a phone/)
  })

  test('are refused when a key has another length', () => {
    const short = aDevice(undefined, { noise_key: Buffer.alloc(31) })

    assert.throws(() => mapped(short), /noise_key has 31 bytes instead of 32/)
  })

  test('are refused when they are of two devices', () => {
    const { device } = aDevice(storyOf('long').ours)
    const { identity_key, signed_pre_key_sig } = device[0] ?? {}
    const otherIdentity = aDevice(undefined, { identity_key } as never)
    const bothSigned = aDevice(undefined, {
      identity_key,
      signed_pre_key_sig,
      signed_pre_key: device[0]?.signed_pre_key,
    } as never)

    assert.throws(() => mapped(otherIdentity), /signed_pre_key is not signed by identity_key/)
    assert.throws(() => mapped(bothSigned), /identity_key is not signed by the phone/)
  })
})

describe("a device's keys", () => {
  test('of a contact are by LID when it is known, as Baileys looks for them', () => {
    const tables = aDevice()

    const { keys } = mapped(tables)

    assert.deepEqual(Object.keys(keys.session ?? {}), [`${CONTACT_LID}_1.0`])
    assert.deepEqual(keys['identity-key'], { [`${CONTACT_LID}_1.0`]: identityOf(tables) })
  })

  test('of a contact stay by phone number when no LID is known', () => {
    const { keys } = mapped({ ...aDevice(), lid_map: [] })

    assert.deepEqual(Object.keys(keys.session ?? {}), [`${CONTACT}.0`])
  })

  test('of two sessions with one contact are one record, in which the one by phone number is open', () => {
    const tables = aDevice()
    const [byPhone] = tables.sessions ?? []
    const other = Object.values(aDevice(storyOf('long').ours).sessions?.[0] ?? {})[1] as Buffer
    const identity = JSON.parse(String(byPhone?.session)).SessionState.LocalIdentityPublic
    const stored = JSON.parse(other.toString())
    stored.SessionState.LocalIdentityPublic = identity
    const byLid = { their_id: `${CONTACT_LID}_1:0`, session: Buffer.from(JSON.stringify(stored)) }

    const { keys } = mapped({ ...tables, sessions: [byLid, byPhone ?? {}] })

    const record = { _sessions: {}, ...(keys.session?.[`${CONTACT_LID}_1.0`] as object) }
    const { _sessions } = record as { _sessions: Record<string, { indexInfo: { closed: number } }> }
    const open = Object.entries(_sessions).filter(([, { indexInfo }]) => indexInfo.closed === -1)
    assert.equal(Object.keys(_sessions).length, 2)
    assert.deepEqual(
      open.map(([baseKey]) => baseKey),
      [JSON.parse(String(byPhone?.session)).SessionState.SenderBaseKey],
    )
  })

  test('of a sender are under both addresses, and the own key under its own alone', () => {
    const { keys } = mapped(aDevice(storyOf('group').ours))

    assert.deepEqual(Object.keys(keys['sender-key'] ?? {}).toSorted(), [
      `${GROUP}::15550100101::3`,
      `${GROUP}::${CONTACT}::0`,
      `${GROUP}::${CONTACT_LID}_1::0`,
    ])
  })

  test('tell the LID of known persons alone, and its own', () => {
    const { keys } = mapped(aDevice())

    assert.deepEqual(keys['lid-mapping'], {
      '15550100101': '99101',
      '99101_reverse': '15550100101',
      [CONTACT]: CONTACT_LID,
      [`${CONTACT_LID}_reverse`]: CONTACT,
    })
  })

  test('hold how far the app state was read, each index with its newest MAC', () => {
    const { keys } = mapped(aDevice())

    assert.deepEqual(keys['app-state-sync-version'], {
      regular: {
        version: 4,
        hash: Buffer.alloc(128, 5),
        indexValueMap: { [Buffer.alloc(32, 6).toString('base64')]: { valueMac: Buffer.alloc(32, 8) } },
      },
    })
  })

  test('hold the newest privacy token of a person, and the list of them', () => {
    const { keys } = mapped(aDevice())

    assert.deepEqual(keys.tctoken, {
      [`${CONTACT_LID}@lid`]: { token: Buffer.from('newer'), timestamp: '1700000001' },
      __index: { token: Buffer.from(`["${CONTACT_LID}@lid"]`) },
    })
  })
})

describe('what is lost', () => {
  test('is told: rows that are damaged, and why the first of them is', () => {
    const tables = aDevice()
    const session = { their_id: '15550100151:0', session: Buffer.from('\x0a\x02garbage') }
    const halfSession = { their_id: '15550100152:0', session: Buffer.from('{"SessionState":{}}') }
    const sessions = [...(tables.sessions ?? []), session, halfSession]

    const { keys, leftOut } = mapped({ ...tables, sessions })

    assert.equal(Object.keys(keys.session ?? {}).length, 1)
    assert.ok(
      leftOut.includes(
        "2 sessions cannot be read (a session is not in whatsmeow's form): " +
          'the next message from that contact needs a second try',
      ),
      leftOut.join('\n'),
    )
  })

  test('is told: sessions that belong to another identity', () => {
    const { sessions } = aDevice(storyOf('long').ours)

    const { leftOut } = mapped({ ...aDevice(), sessions: sessions ?? [] })

    assert.match(leftOut.join(), /1 session cannot be read \(a session belongs to another identity/)
  })

  test('is told: overtaken messages, addresses without a place, and tables without a place', () => {
    const tables = aDevice()
    const bot = { their_id: '15550100151_2:0', session: Buffer.from('{}') }
    const sessions = [...(tables.sessions ?? []), bot]
    const rest = { message_secrets: [{}, {}], event_buffer: [{}] }

    const { leftOut } = mapped({ ...tables, sessions, ...rest })

    assert.deepEqual(leftOut, [
      '1 session of a kind that Baileys does not know',
      '1 message that later ones have overtaken cannot be read any more',
      '1 message that was decrypted, but not yet taken by an application, is lost',
      'left out, as Baileys keeps none: 2 message secrets',
    ])
  })

  test('is every part that is null, too long, or of another kind, and never more than that part', () => {
    const tables = aDevice()
    const broken = {
      ...tables,
      pre_keys: [
        { key_id: -1, key: Buffer.alloc(32), uploaded: 1 },
        { key_id: 1, key: null, uploaded: 1 },
      ],
      identity_keys: [{ their_id: `${CONTACT}:0`, identity: Buffer.alloc(33) }],
      sender_keys: [{ chat_id: 'x', sender_id: `${CONTACT}:0`, sender_key: Buffer.from('[]') }],
      app_state_sync_keys: [
        {
          key_id: Buffer.from('k'),
          key_data: Buffer.alloc(32),
          timestamp: 1,
          fingerprint: Buffer.from([255]),
        },
      ],
      app_state_version: [{ name: 'other', version: 1, hash: Buffer.alloc(128) }],
      privacy_tokens: [{ their_jid: null, token: Buffer.alloc(1), timestamp: 1 }],
      lid_map: [{ lid: null, pn: CONTACT }],
    }

    const { keys, leftOut } = mapped(broken)

    assert.equal(leftOut.length, 7)
    assert.deepEqual(
      Object.entries(keys).flatMap(([type, byId]) => (Object.keys(byId).length > 0 ? [type] : [])),
      ['session', 'lid-mapping'],
    )
  })
})
