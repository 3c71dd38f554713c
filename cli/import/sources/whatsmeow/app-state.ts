/** Maps whatsmeow's app state to Baileys' form: the keys by which WhatsApp's app state is encrypted, and how
 *  far each collection of it was read. Pure.
 *
 *  whatsmeow stores a key's fingerprint as protobuf (`message.go`), and the MAC of each present value in a
 *  row. It deletes the MACs of removed values (`appstate/decode.go`), so the newest row of an index counts.
 *  Baileys has all MACs of a collection in one map, by the index in base64 (`Utils/chat-utils.js`). */
import { type LTHashState, proto } from '@whiskeysockets/baileys'
import { bytesIn, DamagedRow, type Fields, numberIn, textIn } from './values.ts'

const MAC_BYTES = 32
const HASH_BYTES = 128
const TIME_MAX = Number.MAX_SAFE_INTEGER
const COLLECTIONS: readonly string[] = [
  'critical_block',
  'critical_unblock_low',
  'regular_high',
  'regular_low',
  'regular',
]

export interface AppStateKey {
  readonly id: string
  readonly timestamp: number
  readonly value: proto.Message.IAppStateSyncKeyData
}

/** @throws DamagedRow */
export function appStateKey(row: Fields): AppStateKey {
  const timestamp = numberIn(row.timestamp, 'a timestamp', TIME_MAX)
  const value = proto.Message.AppStateSyncKeyData.fromObject({
    keyData: bytesIn(row.key_data, 'an app state key'),
    fingerprint: fingerprintIn(bytesIn(row.fingerprint, 'a fingerprint')),
    timestamp,
  })
  return { id: bytesIn(row.key_id, 'an app state key id').toString('base64'), timestamp, value }
}

function fingerprintIn(bytes: Buffer): proto.Message.IAppStateSyncKeyFingerprint {
  try {
    return proto.Message.AppStateSyncKeyFingerprint.decode(bytes)
  } catch {
    throw new DamagedRow('a fingerprint is not in the form of WhatsApp')
  }
}

/** How far a collection was read.
 *  @param row of `whatsmeow_app_state_version`
 *  @param macs rows of `whatsmeow_app_state_mutation_macs` of this collection
 *  @throws DamagedRow, also for one MAC: without it the collection's hash would be wrong */
export function appStateVersion(row: Fields, macs: readonly Fields[]): { name: string; value: LTHashState } {
  const name = textIn(row.name, 'a collection')
  if (!COLLECTIONS.includes(name)) throw new DamagedRow('a collection is unknown')
  const newest = new Map<string, { version: number; valueMac: Buffer }>()
  for (const mac of macs) {
    const index = bytesIn(mac.index_mac, 'an index', MAC_BYTES).toString('base64')
    const version = numberIn(mac.version, 'a version', TIME_MAX)
    const valueMac = bytesIn(mac.value_mac, 'a MAC', MAC_BYTES)
    if (version >= (newest.get(index)?.version ?? 0)) newest.set(index, { version, valueMac })
  }
  const indexValueMap = Object.fromEntries([...newest].map(([index, { valueMac }]) => [index, { valueMac }]))
  const value = {
    version: numberIn(row.version, 'a version', TIME_MAX),
    hash: bytesIn(row.hash, 'a hash', HASH_BYTES),
    indexValueMap,
  }
  return { name, value }
}
