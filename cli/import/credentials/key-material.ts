/** Checks lengths and forms of key material, so that no damaged key is taken for a whole one. Words name the
 *  damaged part and quote nothing of it. Pure. */
import { createPrivateKey, createPublicKey } from 'node:crypto'
import type { AuthenticationCreds, KeyPair } from '@whiskeysockets/baileys'
import { counted } from '../../words.ts'

const KEY_BYTES = 32
const SIGNATURE_BYTES = 64
/** What other libraries write before a public key: the number of its curve. Baileys keeps keys without. */
const CURVE = 5
/** Four bytes on the wire. Baileys makes smaller ones, other libraries do not. */
const REGISTRATION_ID_MAX = 0xffff_ffff
/** Three bytes on the wire. */
const KEY_ID_MAX = 0xff_ffff
const BASE64_OF_32_BYTES = /^[A-Za-z0-9+/]{43}=$/
/** What stands before the 32 bytes of a private key in PKCS #8. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex')

export class Damaged extends Error {}

/** @param creds as they are stored, with bytes as bytes
 *  @returns the creds with each key as Baileys keeps it, and what is missing without being needed
 *  @throws Damaged */
export function checkedCreds(creds: unknown): {
  readonly creds: AuthenticationCreds
  readonly losses: readonly string[]
} {
  const found = fieldsOf(creds, 'the whole')
  const signedPreKey = fieldsOf(found.signedPreKey, 'signedPreKey')
  const registrationId = found.registrationId
  const checked = {
    ...found,
    noiseKey: matchingPair(found.noiseKey, 'noiseKey'),
    signedIdentityKey: matchingPair(found.signedIdentityKey, 'signedIdentityKey'),
    signedPreKey: {
      ...signedPreKey,
      keyPair: matchingPair(signedPreKey.keyPair, 'signedPreKey.keyPair'),
      signature: bytesOf(signedPreKey.signature, 'signedPreKey.signature', SIGNATURE_BYTES),
      keyId: wholeNumber(signedPreKey.keyId, 'signedPreKey.keyId', KEY_ID_MAX),
    },
    registrationId: wholeNumber(registrationId, 'registrationId', REGISTRATION_ID_MAX),
  }
  if (typeof found.advSecretKey !== 'string') throw new Damaged(missing('advSecretKey'))
  if (!BASE64_OF_32_BYTES.test(found.advSecretKey)) {
    throw new Damaged(`advSecretKey is not ${KEY_BYTES} bytes in base64`)
  }
  return { creds: checked as unknown as AuthenticationCreds, losses: accountLosses(found.account) }
}

/** The consent of the phone. Without a part of it Baileys logs in, and contacts may refuse new sessions.
 *  @throws Damaged when a part is there and has the wrong length */
function accountLosses(account: unknown): string[] {
  if (account === null || account === undefined) return []
  const found = fieldsOf(account, 'account')
  const details = bytesIn(found.details)
  if (!details || details.length === 0) throw new Damaged(missing('account.details'))
  const parts = [
    ['accountSignature', SIGNATURE_BYTES],
    ['accountSignatureKey', KEY_BYTES],
    ['deviceSignature', SIGNATURE_BYTES],
  ] as const
  const isAbsent = (part: string) => found[part] === null || found[part] === undefined
  for (const [part, length] of parts) {
    if (!isAbsent(part)) bytesOf(bytesIn(found[part]), `account.${part}`, length)
  }
  const absent = parts.map(([part]) => part).filter(isAbsent)
  if (absent.length === 0) return []
  return [`its account has no ${absent.join(', ')}: contacts may refuse its first messages to them`]
}

/** @returns the pair as Baileys keeps it
 *  @throws Damaged */
export function keyPair(value: unknown, part: string): KeyPair {
  const pair = fieldsOf(value, part)
  const secret = bytesOf(pair.private, `${part}.private`, KEY_BYTES)
  const isPrefixed =
    pair.public instanceof Uint8Array && pair.public.length === KEY_BYTES + 1 && pair.public[0] === CURVE
  const open = isPrefixed ? (pair.public as Uint8Array).subarray(1) : pair.public
  return { ...pair, private: secret, public: bytesOf(open, `${part}.public`, KEY_BYTES) }
}

/** @param secret 32 bytes, from which the public key follows */
export function keyPairFrom(secret: Uint8Array): KeyPair {
  const der = Buffer.concat([PKCS8_PREFIX, secret])
  const open = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }))
  const spki = open.export({ format: 'der', type: 'spki' })
  return { private: secret, public: spki.subarray(-KEY_BYTES) }
}

/** @throws Damaged when the two keys are of two pairs */
export function mustMatch({ private: secret, public: open }: KeyPair, part: string): void {
  const made = keyPairFrom(secret)
  if (!Buffer.from(made.public).equals(open)) throw new Damaged(`the two keys of ${part} are not one pair`)
}

function matchingPair(value: unknown, part: string): KeyPair {
  const pair = keyPair(value, part)
  mustMatch(pair, part)
  return pair
}

function bytesOf(value: unknown, part: string, length: number): Buffer {
  if (!(value instanceof Uint8Array)) throw new Damaged(missing(part))
  if (value.length === length) return Buffer.from(value)
  throw new Damaged(`${part} has ${counted(value.length, 'byte')} instead of ${length}`)
}

/** Bytes, or what JSON makes of the bytes in a message of WhatsApp: base64. */
function bytesIn(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value
  const isBase64 = typeof value === 'string' && /^[A-Za-z0-9+/]*={0,2}$/.test(value)
  return isBase64 ? Buffer.from(value, 'base64') : undefined
}

function wholeNumber(value: unknown, part: string, max: number): number {
  if (typeof value !== 'number') throw new Damaged(missing(part))
  if (Number.isInteger(value) && value >= 0 && value <= max) return value
  throw new Damaged(`${part} is no whole number from 0 to ${max}`)
}

function fieldsOf(value: unknown, part: string): Readonly<Record<string, unknown>> {
  if (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array)
  ) {
    return value as Readonly<Record<string, unknown>>
  }
  throw new Damaged(missing(part))
}

function missing(part: string): string {
  return `a part that every device needs is missing: ${part}`
}
