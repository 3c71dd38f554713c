/** The tables of whatsmeow as one device has them, written to a SQLite file or to a line of a dump. The
 *  sessions and sender keys in them are those that the real Signal library has made. */
import { DatabaseSync } from 'node:sqlite'
import { Curve, generateSignalPubKey, proto, WA_ADV_ACCOUNT_SIG_PREFIX } from '@whiskeysockets/baileys'
import { keyPairFrom } from '../../../../../cli/import/credentials/key-material.ts'
import { type Side, storyOf } from './signal-scene.ts'

export type Value = string | number | Buffer | null
export type TestRow = Record<string, Value>
export type TestTables = Record<string, TestRow[]> & { device: TestRow[] }

const OWNED_BY_JID = ['pre_keys', 'app_state_sync_keys', 'app_state_version', 'app_state_mutation_macs']
const SHARED = ['device', 'lid_map']

export const CONTACT = '15550100150'
export const CONTACT_LID = '99150'
export const APP_STATE_KEY_IDS = [Buffer.from('000000000001', 'hex'), Buffer.from('00000000abcd', 'hex')]

/** A device that has talked to one contact by phone number, and knows the contact's LID. */
export function aDevice(side: Side = storyOf('talked').ours, device: TestRow = {}): TestTables {
  return {
    device: [{ ...deviceRow(side), ...device }],
    pre_keys: Object.entries(side.preKeys).map(([id, key]) => ({
      key_id: Number(id),
      key: bytes(key),
      uploaded: Number(id) < 5 ? 1 : 0,
    })),
    identity_keys: [
      { their_id: `${CONTACT}:0`, identity: Buffer.from(keyPairFrom(Buffer.alloc(32, 9)).public) },
    ],
    sessions: Object.entries(side.sessions).map(([address, stored]) => ({
      their_id: address,
      session: Buffer.from(stored),
    })),
    sender_keys: Object.entries(side.senderKeys).map(([name, stored]) => {
      const [chat_id = '', sender_id = ''] = name.split(' ')
      return { chat_id, sender_id, sender_key: Buffer.from(stored) }
    }),
    ...appState(),
    privacy_tokens: [
      { their_jid: `${CONTACT}@s.whatsapp.net`, token: Buffer.from('older'), timestamp: 1_700_000_000 },
      { their_jid: `${CONTACT_LID}@lid`, token: Buffer.from('newer'), timestamp: 1_700_000_001 },
    ],
    lid_map: [
      { lid: CONTACT_LID, pn: CONTACT },
      { lid: '99199', pn: '15550100199' },
    ],
  }
}

function deviceRow(side: Side): TestRow {
  const phone = Curve.generateKeyPair()
  const details = Buffer.from('details')
  const identity = keyPairFrom(bytes(side.identityKey))
  const signedPreKey = generateSignalPubKey(keyPairFrom(bytes(side.signedPreKey)).public)
  const consent = Buffer.concat([WA_ADV_ACCOUNT_SIG_PREFIX, details, identity.public])
  return {
    jid: '15550100101:3@s.whatsapp.net',
    lid: '99101:3@lid',
    facebook_uuid: null,
    registration_id: side.registrationId,
    noise_key: Buffer.from(Curve.generateKeyPair().private),
    identity_key: bytes(side.identityKey),
    signed_pre_key: bytes(side.signedPreKey),
    signed_pre_key_id: 1,
    signed_pre_key_sig: Buffer.from(Curve.sign(identity.private, signedPreKey)),
    adv_key: Buffer.alloc(32, 2),
    adv_details: details,
    adv_account_sig: Buffer.from(Curve.sign(phone.private, consent)),
    adv_account_sig_key: Buffer.from(phone.public),
    adv_device_sig: Buffer.alloc(64, 4),
    platform: 'android',
    business_name: 'The shop',
    push_name: '',
    lid_migration_ts: 0,
  }
}

function appState() {
  const fingerprint = proto.Message.AppStateSyncKeyFingerprint.encode({
    rawId: 7,
    currentIndex: 1,
    deviceIndexes: [0, 1],
  }).finish()
  return {
    app_state_sync_keys: APP_STATE_KEY_IDS.map((key_id, at) => ({
      key_id,
      key_data: Buffer.alloc(32, at),
      timestamp: 1_700_000_000_000 + at,
      fingerprint: Buffer.from(fingerprint),
    })),
    app_state_version: [{ name: 'regular', version: 4, hash: Buffer.alloc(128, 5) }],
    app_state_mutation_macs: [
      { name: 'regular', version: 3, index_mac: Buffer.alloc(32, 6), value_mac: Buffer.alloc(32, 7) },
      { name: 'regular', version: 4, index_mac: Buffer.alloc(32, 6), value_mac: Buffer.alloc(32, 8) },
    ],
  }
}

function bytes(text: string): Buffer {
  return Buffer.from(text, 'base64')
}

/** The public key with the byte of its curve, as Baileys stores identities. */
export function identityOf(tables: TestTables): Buffer {
  return Buffer.from(generateSignalPubKey(tables.identity_keys?.[0]?.identity as Buffer))
}

export function writeDatabase(
  path: string,
  devices: readonly TestTables[],
  { isLogged = false }: { readonly isLogged?: boolean } = {},
): DatabaseSync {
  const database = new DatabaseSync(path)
  if (isLogged) database.exec('PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0')
  for (const tables of devices) {
    const jid = tables.device[0]?.jid ?? null
    for (const [table, rows] of Object.entries(tables)) {
      const owner = SHARED.includes(table) ? {} : { [OWNED_BY_JID.includes(table) ? 'jid' : 'our_jid']: jid }
      for (const row of rows) insert(database, `whatsmeow_${table}`, { ...owner, ...row })
    }
  }
  return database
}

export function insert(database: DatabaseSync, table: string, row: TestRow): void {
  const columns = Object.keys(row)
  database.exec(`CREATE TABLE IF NOT EXISTS ${table} (${columns.join(', ')})`)
  const places = columns.map(() => '?').join(', ')
  database
    .prepare(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places})`)
    .run(...Object.values(row))
}

/** As psql writes it: bytes are hexadecimal, and a device is one object. */
export function dumpLine({ device: [device], ...tables }: TestTables, more: object = {}): string {
  return JSON.stringify({ device, ...tables, ...more }, function (this: Record<string, unknown>, key, value) {
    const original = this[key]
    return Buffer.isBuffer(original) ? `\\x${original.toString('hex')}` : value
  })
}
