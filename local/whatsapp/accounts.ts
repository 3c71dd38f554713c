/** The linked devices that the server knows. "Account" is what WhatsApp keeps; "device" is what Mooring keeps of it. */
import { jidDecode, jidEncode } from '@whiskeysockets/baileys'
import type { Addressing } from './addressing.ts'
import type { Connection } from './connection.ts'
import { SimulatorError } from './errors.ts'
import type { Phone } from './phones.ts'
import { makePreKeyShelf, type PreKeyShelf, type PublicSignedPreKey } from './prekeys.ts'

/** The part of a device that it hands over when it registers, before anybody linked it. */
export interface Registration {
  readonly noiseKey: Buffer
  readonly identityKey: Buffer
  readonly registrationId: number
  readonly signedPreKey: PublicSignedPreKey
}

/** A message on its way to a device. It leaves the queue with the device's receipt or refusal. */
export interface QueuedMessage {
  readonly id: string
  /** A phone's jid, or that of another linked device. */
  readonly from: string
  readonly fromLid: string
  readonly sentAtS: number
  encryption: { readonly type: string; readonly ciphertext: Buffer; readonly retry?: number }
  /** By which name the author is told; by number when left out. */
  readonly addressing?: Addressing
  /** Whether the author's other name is told along; yes when left out. */
  readonly alternate?: boolean
  /** The jid of a group. */
  readonly group?: string
  /** The message itself, under the author's sender key, when `encryption` holds that key. */
  skmsg?: Buffer
  /** Whom the device's own phone wrote it to. */
  readonly ownChat?: { readonly pn: string; readonly lid: string }
  /** How often it is put on the wire; once when left out. */
  readonly copies?: number
  /** Kept for messages of simulated phones, which encrypt again when the device asks for it. */
  readonly text?: string
  /** Refusals that belong to earlier tries: a client refuses each try for which it asks for another. */
  refusalsToIgnore: number
  /** The connection over which it went last; not saved. */
  sentOver?: number
}

export interface ReceivedText {
  readonly id: string
  readonly to: string
  readonly text: string
  /** The jid of the group that it was written to. */
  readonly group?: string
  readonly at: string
}

export interface Account {
  readonly jid: string
  readonly lid: string
  readonly phoneNumber: string
  readonly deviceNumber: number
  readonly noiseKey: Buffer
  readonly identityKey: Buffer
  readonly registrationId: number
  signedPreKey: PublicSignedPreKey
  readonly preKeys: PreKeyShelf
  queue: QueuedMessage[]
  /** Texts of this device that simulated phones decrypted. */
  received: ReceivedText[]
}

export interface Accounts {
  add(account: Account): void
  remove(account: Account): void
  byJid(jid: string): Account | undefined
  ofPhone(phoneNumber: string): Account[]
  /** By jid, or by phone number: then the device that was linked last. @throws SimulatorError UNKNOWN_ACCOUNT */
  find(jidOrPhone: string): Account
  all(): Account[]
  /** The connection over which the account is logged in. */
  readonly online: Map<Account, Connection>
}

export function makeAccounts(): Accounts {
  const byJid = new Map<string, Account>()
  const accounts: Accounts = {
    add: (account) => byJid.set(account.jid, account),
    remove(account) {
      byJid.delete(account.jid)
      accounts.online.delete(account)
    },
    byJid: (jid) => byJid.get(jid),
    ofPhone: (phoneNumber) => [...byJid.values()].filter((account) => account.phoneNumber === phoneNumber),
    find(jidOrPhone) {
      const account = byJid.get(jidOrPhone) ?? accounts.ofPhone(userOf(jidOrPhone)).at(-1)
      if (!account) throw new SimulatorError('UNKNOWN_ACCOUNT', `no device is linked to ${jidOrPhone}`)
      return account
    },
    all: () => [...byJid.values()],
    online: new Map(),
  }
  return accounts
}

export function makeAccount(phone: Phone, deviceNumber: number, registration: Registration): Account {
  return {
    ...registration,
    jid: jidEncode(phone.number, 's.whatsapp.net', deviceNumber),
    lid: jidEncode(phone.lidUser, 'lid', deviceNumber),
    phoneNumber: phone.number,
    deviceNumber,
    preKeys: makePreKeyShelf(),
    queue: [],
    received: [],
  }
}

function userOf(jidOrPhone: string): string {
  return jidDecode(jidOrPhone)?.user ?? jidOrPhone.replace(/^\+/, '')
}
