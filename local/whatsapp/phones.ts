/** The simulated phones. They link devices, and they are the contacts with whom devices exchange texts. */
import {
  Curve,
  generateRegistrationId,
  jidEncode,
  type SignalCreds,
  signedKeyPair,
} from '@whiskeysockets/baileys'
import { SimulatorError } from './errors.ts'
import { makePhoneSignal, type PhoneSignal, type SignalEntries } from './phone-signal.ts'

/** Numbers of the range 1 555 01xx are reserved for fiction, and longer ones are not assigned. */
const FIRST_NUMBER = 1_555_010_000_000
/** The contact that texts a device when no contact is named. */
export const DEFAULT_CONTACT = '1555019900000'
const PHONES_MAX = 20_000
const PHONE_NUMBER = /^\d{7,15}$/
/** The user part of a LID is the number plus this. It differs from the number, as with WhatsApp, so that code
 *  which confuses the two fails. */
const LID_OFFSET = 100_000_000_000_000n

export interface Phone {
  readonly number: string
  readonly lidUser: string
  readonly jid: string
  readonly creds: SignalCreds
  readonly signal: PhoneSignal
  /** The number of the next device that the phone links. */
  nextDevice: number
}

export interface SavedPhone {
  readonly number: string
  readonly creds: SignalCreds
  readonly signal: SignalEntries
  readonly nextDevice: number
}

export interface Phones {
  /** The phone of that number, which is made if there is none.
   *  @throws SimulatorError BAD_REQUEST, TOO_MANY_PHONES */
  withNumber(number: string): Phone
  /** A new phone. */
  fresh(): Phone
  byLid(lidUser: string): Phone | undefined
  save(): SavedPhone[]
  restore(saved: readonly SavedPhone[]): void
}

export function makePhones(changed: () => void): Phones {
  const byNumber = new Map<string, Phone>()
  const byLid = new Map<string, Phone>()
  let nextNumber = FIRST_NUMBER

  const add = ({ number, creds, signal, nextDevice }: SavedPhone): Phone => {
    const phone = {
      number,
      lidUser: String(LID_OFFSET + BigInt(number)),
      jid: jidEncode(number, 's.whatsapp.net'),
      creds,
      signal: makePhoneSignal(creds, signal, changed),
      nextDevice,
    }
    byNumber.set(number, phone)
    byLid.set(phone.lidUser, phone)
    return phone
  }
  const phones: Phones = {
    withNumber(number) {
      const known = byNumber.get(number)
      if (known) return known
      if (!isPhoneNumber(number)) {
        throw new SimulatorError('BAD_REQUEST', 'a phone number is 7 to 15 digits, without +')
      }
      if (byNumber.size >= PHONES_MAX) {
        throw new SimulatorError('TOO_MANY_PHONES', `there are ${PHONES_MAX} phones already`)
      }
      changed()
      return add({ number, creds: makeCreds(), signal: [], nextDevice: 1 })
    },
    fresh() {
      while (byNumber.has(String(nextNumber))) nextNumber++
      return phones.withNumber(String(nextNumber))
    },
    byLid: (lidUser) => byLid.get(lidUser),
    save: () =>
      [...byNumber.values()].map(({ number, creds, signal, nextDevice }) => ({
        number,
        creds,
        signal: signal.entries(),
        nextDevice,
      })),
    restore(saved) {
      for (const phone of saved) add(phone)
    },
  }
  return phones
}

export function isPhoneNumber(text: string): boolean {
  return PHONE_NUMBER.test(text)
}

function makeCreds(): SignalCreds {
  const signedIdentityKey = Curve.generateKeyPair()
  return {
    signedIdentityKey,
    signedPreKey: signedKeyPair(signedIdentityKey, 1),
    registrationId: generateRegistrationId(),
  }
}
