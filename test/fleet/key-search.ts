/** Looks for the actual keys of devices, in every form in which bytes become text. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AuthenticationCreds } from '@whiskeysockets/baileys'
import type { DeviceId } from '../../core/ids.ts'
import type { Store } from '../../core/store.ts'
import type { KeyWrapping } from '../../hosts/auth-state/key-wrapping.ts'
import { deserialise } from '../../hosts/auth-state/serialise.ts'
import { dataKeysOf, unsealed } from '../hosts/auth-state/unsealed.ts'

/** Shorter bytes are no key, and would be found anywhere. */
const KEY_BYTES_MIN = 16
/** What libsignal keeps in base64, in a session or a sender key. */
const TEXT_KEY = /^[A-Za-z0-9+/]{43}=$/

export interface Secret {
  readonly name: string
  readonly bytes: Buffer
}

/** Everything secret of a device's present credentials: its creds, its Signal keys, its data keys. */
export async function secretsOf(
  store: Store,
  device: DeviceId,
  credentialsId: string,
  wrapping: KeyWrapping,
): Promise<Secret[]> {
  const { rows } = await store.query('AuthState', { partition: device })
  const items = rows.filter(({ key, value }) => value && !key.endsWith('/data-key'))
  const secrets = (await dataKeysOf(store, device, credentialsId, wrapping)).map(({ plain }) => ({
    name: 'data key',
    bytes: plain,
  }))
  for (const { key } of items) {
    const value = deserialise((await unsealed(store, device, key, wrapping)) ?? 'null')
    secrets.push(...secretsIn(key.split('/')[1] ?? '', value))
  }
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

/** Every 32 bytes in there: root keys, chain keys, ephemeral keys. Some are public, which must not be found either. */
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

/** @returns the names of the secrets that stand in the text */
export function findSecrets(text: string, secrets: readonly Secret[]): string[] {
  const found = secrets.filter(({ bytes }) => formsOf(bytes).some((form) => text.includes(form)))
  return [...new Set(found.map(({ name }) => name))].sort()
}

/** As text, and as an array of numbers, which is how a Uint8Array is printed. Without the last characters, which depend on
 *  what follows and on padding. */
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
