/** Searches text for the keys of devices, in every form in which bytes become text. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AuthenticationCreds } from '@whiskeysockets/baileys'
import { inParallel } from '../../core/parallel.ts'
import { type AuthItem, kindOf } from '../../core/store/auth-item-row.ts'
import { type Store, scanAll } from '../../core/store/store.ts'
import { readKeyFile } from '../../hosts/auth-state/keys/key-file.ts'
import { keyFileWrapping } from '../../hosts/auth-state/keys/key-file-wrapping.ts'
import type { KeyWrapping } from '../../hosts/auth-state/keys/wrapping.ts'
import { deserialise } from '../../hosts/auth-state/serialise.ts'
import { dataKeysOf, openedBy } from '../hosts/auth-state/unsealed.ts'

/** Fewer bytes are no key, and would be found anywhere. */
const KEY_BYTES_MIN = 16
/** The form in which libsignal stores a key within a session or a sender key: base64. */
const TEXT_KEY = /^[A-Za-z0-9+/]{43}=$/
/** The forms of a hundred thousand keys are indexed by their first characters. No form is shorter. */
const BEGINNING = 16
const LANES = 8

export interface Secret {
  readonly name: string
  readonly bytes: Buffer
}

/** The wrapping keys, and everything secret that they lead to. */
export async function secretsOfFleet(store: Store, keyFile: string): Promise<Secret[]> {
  const keys = await readKeyFile(keyFile)
  const secrets = await secretsStored(
    store,
    keyFileWrapping(async () => keys),
  )
  return [...keys.map((bytes) => ({ name: 'wrapping key', bytes })), ...secrets]
}

/** All secrets of all devices in the store: creds, Signal keys and data keys, archived ones as well. */
async function secretsStored(store: Store, wrapping: KeyWrapping): Promise<Secret[]> {
  const items = (await scanAll(store, 'AuthState')).filter(({ value }) => value !== undefined)
  const groups = Map.groupBy(items, ({ deviceId, key }) => `${deviceId}/${key.split('/')[0]}`)
  const secrets = await inParallel([...groups.values()], LANES, (group) => secretsOf(store, group, wrapping))
  return secrets.flat()
}

/** @param items of one device, under the same credentials */
async function secretsOf(store: Store, items: readonly AuthItem[], wrapping: KeyWrapping): Promise<Secret[]> {
  const [first] = items
  if (!first) return []
  const { deviceId: device, key: anyKey } = first
  const dataKeys = await dataKeysOf(store, device, anyKey.split('/')[0] ?? '', wrapping)
  const sealing = openedBy(dataKeys, device)
  const secrets = dataKeys.map(({ plain }) => ({ name: 'data key', bytes: plain }))
  for (const { key, value = '' } of items.filter((item) => kindOf(item.key) !== 'data-key'))
    secrets.push(...secretsIn(kindOf(key), deserialise(sealing.open(key, value))))
  return secrets
}

function secretsIn(kind: string, value: unknown): Secret[] {
  if (kind === 'creds') {
    const creds = value as AuthenticationCreds
    const privates = {
      'noise key': creds.noiseKey.private,
      'identity key': creds.signedIdentityKey.private,
      'signed pre-key': creds.signedPreKey.keyPair.private,
      'pairing key': creds.pairingEphemeralKeyPair.private,
      'adv secret': Buffer.from(creds.advSecretKey, 'base64'),
    }
    return Object.entries(privates).map(([name, bytes]) => ({ name, bytes: Buffer.from(bytes) }))
  }
  if (kind === 'pre-key') {
    return Object.values(value as Record<string, { private: Uint8Array }>).map((pair) => ({
      name: 'pre-key',
      bytes: Buffer.from(pair.private),
    }))
  }
  return ['session', 'sender-key', 'app-state-sync-key'].includes(kind) ? keysWithin(kind, value) : []
}

/** All bytes as long as a key: root keys, chain keys, ephemeral keys. Public ones must not be found
 *  either. */
function keysWithin(kind: string, value: unknown): Secret[] {
  if (value instanceof Uint8Array) {
    return value.length >= KEY_BYTES_MIN ? [{ name: kind, bytes: Buffer.from(value) }] : []
  }
  if (typeof value === 'string') {
    return TEXT_KEY.test(value) ? [{ name: kind, bytes: Buffer.from(value, 'base64') }] : []
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap((inner) => keysWithin(kind, inner))
}

/** @returns the names of the secrets that the text contains */
export function findSecrets(text: string, secrets: readonly Secret[]): string[] {
  const forms = secrets.flatMap(({ name, bytes }) => formsOf(bytes).map((form) => ({ name, form })))
  const byBeginning = Map.groupBy(forms, ({ form }) => form.slice(0, BEGINNING))
  const found = new Set<string>()
  for (let at = 0; at + BEGINNING <= text.length; at++) {
    for (const { name, form } of byBeginning.get(text.slice(at, at + BEGINNING)) ?? [])
      if (text.startsWith(form, at)) found.add(name)
  }
  return [...found].sort()
}

/** The bytes as text, and as an array of numbers, which is how a Uint8Array is printed. The last characters
 *  of base64 are left out, because they depend on the bytes that follow. */
function formsOf(bytes: Buffer): string[] {
  const body = bytes.subarray(0, bytes.length - (bytes.length % 3))
  return [
    body.toString('base64'),
    body.toString('base64url'),
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    [...bytes].join(','),
    [...bytes].join(', '),
    [...bytes.subarray(0, KEY_BYTES_MIN)].map((byte, at) => `"${at}":${byte}`).join(','),
  ]
}

export function filesIn(folder: string): string {
  return readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n')
}
