/** Maps the rows of one device in whatsmeow's tables to Baileys' credentials and keys. Pure.
 *
 *  Keys of the type `sender-key-memory` are left out: whom the device has given its sender key. Without it
 *  Baileys gives the key to every member again, with its next message. Lists of a contact's devices are asked
 *  of WhatsApp at the next send. */
import type { KeysByType } from '../../../../hosts/auth-state/whole-state.ts'
import {
  type Address,
  addressFrom,
  byLid,
  byPhone,
  isByPhone,
  lidMappings,
  type Persons,
  personsFrom,
  senderKeyId,
  signalAddress,
} from './addresses.ts'
import { appStateKey, appStateVersion } from './app-state.ts'
import { credsFromRow, preKeyCounters, preKeyFrom, signalKey } from './creds.ts'
import { createLosses, type Losses, leftOutWords } from './losses.ts'
import { type OwnJids, ownJids } from './own-jids.ts'
import { privacyTokens, userOfToken } from './privacy-tokens.ts'
import type { DeviceRows } from './rows.ts'
import { senderKeyRecord } from './sender-keys.ts'
import { sessionRecord, sessionStates } from './sessions.ts'
import { bytesIn, DamagedRow, type Fields, jsonIn, textIn } from './values.ts'

const KEY_BYTES = 32
const GROUP = /^[\w.-]{1,64}@(?:g\.us|broadcast)$/

export interface MappedDevice {
  readonly creds: ReturnType<typeof credsFromRow> & Record<string, unknown>
  readonly keys: KeysByType
  readonly leftOut: readonly string[]
}

/** @throws DamagedRow when a part is damaged that every device needs */
export function mapDevice(rows: DeviceRows): MappedDevice {
  const losses = createLosses()
  const own = ownJids(rows.device)
  const base = credsFromRow(rows.device, own)
  const { tables } = rows
  const found = {
    sessions: addressed('session', tables.sessions, 'their_id', losses),
    identities: addressed('identity key', tables.identity_keys, 'their_id', losses),
    senderKeys: addressed('sender key', tables.sender_keys, 'sender_id', losses),
  }
  const persons = personsOf(rows, own, Object.values(found).flat())
  const preKeys = losses.each('pre-key', tables.pre_keys, preKeyFrom)
  const appStateKeys = losses.each('app state key', tables.app_state_sync_keys, appStateKey)
  const newest = appStateKeys.toSorted((one, other) => other.timestamp - one.timestamp)[0]
  const creds = {
    ...base,
    ...preKeyCounters(preKeys),
    ...(newest ? { myAppStateKeyId: newest.id } : {}),
  }
  const keys: KeysByType = {
    'pre-key': Object.fromEntries(preKeys.map(({ id, pair }) => [id, pair])),
    session: sessions(found.sessions, signalKey(base.signedIdentityKey.public), persons, losses),
    'sender-key': senderKeys(found.senderKeys, own, persons, losses),
    'identity-key': identityKeys(found.identities, persons, losses),
    'app-state-sync-key': Object.fromEntries(appStateKeys.map(({ id, value }) => [id, value])),
    'app-state-sync-version': appStateVersions(rows, losses),
    'lid-mapping': lidMappings(persons),
    tctoken: privacyTokens(tables.privacy_tokens, persons, losses),
  }
  return { creds, keys, leftOut: [...losses.words(), ...leftOutWords(rows)] }
}

interface Addressed {
  readonly address: Address
  readonly row: Fields
}

function addressed(
  what: 'session' | 'identity key' | 'sender key',
  rows: readonly Fields[],
  column: string,
  losses: Losses,
): Addressed[] {
  return losses
    .each(what, rows, (row) => ({ row, text: textIn(row[column], column) }))
    .flatMap(({ row, text }) => {
      const address = addressFrom(text)
      if (address) return [{ address, row }]
      losses.noPlace(what)
      return []
    })
}

/** The pairs of the persons with whom the device shares keys, its own first. Databases of whatsmeow hold the
 *  pairs of all their devices in one table, so no others may be taken. */
function personsOf(rows: DeviceRows, own: OwnJids, found: readonly Addressed[]): Persons {
  const tokens = rows.tables.privacy_tokens.flatMap((row) => userOfToken(row) ?? [])
  const users = new Set([...found.map(({ address }) => address.user), ...tokens])
  const mine = own.lidUser === undefined ? [] : [{ lid: own.lidUser, pn: own.user }]
  return personsFrom([...mine, ...rows.pairsOf(users)])
}

/** A contact's device may have a session by phone number and another by LID. Baileys has one record for both.
 *  The one by phone number is newer: whatsmeow deletes it whenever it moves sessions to the LID. */
function sessions(found: readonly Addressed[], identity: Buffer, persons: Persons, losses: Losses) {
  const byPhoneFirst = found.toSorted(
    (one, other) => Number(isByPhone(other.address)) - Number(isByPhone(one.address)),
  )
  const read = losses.each('session', byPhoneFirst, ({ address, row }) => {
    const states = sessionStates(jsonIn(row.session, 'a session'), identity)
    if (states.length === 0) throw new DamagedRow('a session belongs to another identity of the device')
    return { id: signalAddress(byLid(address, persons)), states }
  })
  const byId = Object.entries(Object.groupBy(read, ({ id }) => id)).map(([id, same = []]) => {
    const states = same.flatMap((one) => one.states)
    losses.overtaken(states.reduce((sum, { overtaken }) => sum + overtaken, 0))
    return [id, states] as const
  })
  return Object.fromEntries(byId.map(([id, states]) => [id, sessionRecord(states)]))
}

function identityKeys(found: readonly Addressed[], persons: Persons, losses: Losses) {
  const byPhoneLast = found.toSorted(
    (one, other) => Number(isByPhone(one.address)) - Number(isByPhone(other.address)),
  )
  return Object.fromEntries(
    losses.each('identity key', byPhoneLast, ({ address, row }) => [
      signalAddress(byLid(address, persons)),
      signalKey(bytesIn(row.identity, 'an identity key', KEY_BYTES)),
    ]),
  )
}

/** whatsmeow keeps the key of a sender with a known LID by LID alone (`message.go`). Baileys looks for it
 *  under the address that the message came from (`Utils/decode-wa-message.js`), so it is stored under both.
 *  The device's own key stays where it is: with two copies Baileys could use one number twice. */
function senderKeys(found: readonly Addressed[], own: OwnJids, persons: Persons, losses: Losses) {
  const read = losses.each('sender key', found, ({ address, row }) => {
    const group = textIn(row.chat_id, 'chat_id')
    if (!GROUP.test(group)) throw new DamagedRow('chat_id is no group')
    const record = jsonIn(row.sender_key, 'a sender key')
    senderKeyRecord([record])
    const others = isOwn(address, own) ? [] : [byLid(address, persons), byPhone(address, persons)]
    const ids = [address, ...others].flatMap((place) => (place ? [senderKeyId(group, place)] : []))
    return { record, ids: [...new Set(ids)] }
  })
  const places = read.flatMap(({ record, ids }) => ids.map((id, at) => ({ id, record, isItsOwn: at === 0 })))
  const byId = Object.groupBy(
    places.toSorted((one, other) => Number(other.isItsOwn) - Number(one.isItsOwn)),
    ({ id }) => id,
  )
  return Object.fromEntries(
    Object.entries(byId).flatMap(([id, same = []]) => {
      const record = senderKeyRecord(same.map((one) => one.record))
      return record ? [[id, record]] : []
    }),
  )
}

function isOwn({ user, device }: Address, own: OwnJids): boolean {
  return device === own.device && (user === own.user || user === own.lidUser)
}

function appStateVersions({ tables }: DeviceRows, losses: Losses) {
  const macs = Map.groupBy(tables.app_state_mutation_macs, ({ name }) => name)
  const read = losses.each('app state collection', tables.app_state_version, (row) =>
    appStateVersion(row, macs.get(row.name) ?? []),
  )
  return Object.fromEntries(read.map(({ name, value }) => [name, value]))
}
