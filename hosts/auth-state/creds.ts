/** Decides which credentials a device goes on with. A device gets fresh credentials only if it never had any.
 *  A device without credentials must be linked again by a person with a phone. So damaged credentials are an
 *  error, and are never replaced. */
import { type AuthenticationCreds, initAuthCreds } from '@whiskeysockets/baileys'
import { MooringError } from '../../core/errors.ts'
import type { DeviceId } from '../../core/ids.ts'
import { deserialise } from './serialise.ts'

/** @param stored the creds item as it was read, undefined when it is empty
 *  @throws MooringError CREDENTIALS_UNREADABLE when the creds are damaged, or missing although the device was
 *  paired */
export function credsFrom(
  stored: string | undefined,
  { device, everPaired }: { readonly device: DeviceId; readonly everPaired: boolean },
): AuthenticationCreds {
  if (stored === undefined) {
    if (everPaired) throw unreadable(device, 'it was paired, but its credentials are missing')
    return initAuthCreds()
  }
  const creds = wholeCreds(stored)
  if (!creds) throw unreadable(device, 'its stored credentials are damaged')
  return creds
}

/** @returns undefined when the text is damaged, or when a part that every device needs is missing */
export function wholeCreds(stored: string): AuthenticationCreds | undefined {
  try {
    const creds = deserialise(stored) as Partial<AuthenticationCreds>
    const isWhole =
      isKeyPair(creds.noiseKey) &&
      isKeyPair(creds.signedIdentityKey) &&
      isKeyPair(creds.signedPreKey?.keyPair) &&
      typeof creds.registrationId === 'number' &&
      typeof creds.advSecretKey === 'string'
    return isWhole ? (creds as AuthenticationCreds) : undefined
  } catch {
    return undefined
  }
}

function isKeyPair(pair: Partial<AuthenticationCreds['noiseKey']> | undefined): boolean {
  return pair?.private instanceof Uint8Array && pair.public instanceof Uint8Array
}

function unreadable(device: DeviceId, why: string): MooringError {
  return new MooringError('CREDENTIALS_UNREADABLE', `device "${device}" is not connected: ${why}`, { why })
}
