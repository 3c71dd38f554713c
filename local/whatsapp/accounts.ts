/** The linked devices that the simulated server knows. It calls them accounts; "device" is Mooring's word. */
import { jidDecode, jidEncode } from '@whiskeysockets/baileys'
import type { Addressing } from './addressing.ts'
import type { Connection } from './connection.ts'
import { SimulatorError } from './errors.ts'
import type { Phone } from './phones.ts'
import { makePreKeyShelf, type PreKeyShelf, type PublicSignedPreKey } from './prekeys.ts'

/** The public keys that a device sends when it registers, before a phone has linked it. */
export interface Registration {
  readonly noiseKey: Buffer
  readonly identityKey: Buffer
  readonly registrationId: number
  readonly signedPreKey: PublicSignedPreKey
}

/** A message on its way to a device. It leaves the queue when the device confirms or refuses it. */
export interface QueuedMessage {
  readonly id: string
  /** The jid of a phone, or of another linked device. */
  readonly from: string
  readonly fromLid: string
  readonly sentAtS: number
  encryption: { readonly type: string; readonly ciphertext: Buffer; readonly retry?: number }
  /** Which name of the author the stanza uses; by default the number. */
  readonly addressing?: Addressing
  /** Whether the stanza also has the author's other name; by default it has. */
  readonly alternate?: boolean
  /** The jid of a group. */
  readonly group?: string
  /** The message under the author's sender key, when `encryption` holds that sender key. */
  skmsg?: Buffer
  /** The receiver, when the device's own phone wrote the message. */
  readonly ownChat?: { readonly pn: string; readonly lid: string }
  /** How often the message is sent at each delivery; by default once. */
  readonly copies?: number
  /** Kept for messages of simulated phones, which encrypt a message again when the device asks for it. */
  readonly text?: string
  /** Refusals that belong to earlier tries: a client refuses each try for which it requests another one. */
  refusalsToIgnore: number
  /** The connection over which the message was sent last; not saved. */
  sentOver?: number
}

export interface ReceivedText {
  readonly id: string
  readonly to: string
  readonly text: string
  /** The jid of the group to which the text was written. */
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
  /** Finds an account by its jid, or by its phone number: then the one that was linked last.
   *  @throws SimulatorError UNKNOWN_ACCOUNT */
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
