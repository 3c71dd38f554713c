/** Compares the stored credentials of a device with those that WhatsApp keeps of it. Pure. */
import type { AuthenticationCreds } from '@whiskeysockets/baileys'
import type { AccountSummary } from '../../local/whatsapp/methods.ts'

/** @returns the differences in words, without any key */
export function differences(stored: unknown, kept: AccountSummary | undefined): string[] {
  if (!stored) return ['it has no credentials']
  if (!kept) return ['WhatsApp knows no such account']
  const creds = stored as AuthenticationCreds
  const { noiseKey, identityKey, registrationId, signedPreKey } = kept.registration
  const base64 = (key: Uint8Array) => Buffer.from(key).toString('base64')
  const checks: readonly (readonly [name: string, isSame: boolean])[] = [
    ['account', creds.me?.id === kept.jid],
    ['noise key', base64(creds.noiseKey.public) === noiseKey],
    ['identity key', base64(creds.signedIdentityKey.public) === identityKey],
    ['registration id', creds.registrationId === registrationId],
    ['signed pre-key', base64(creds.signedPreKey.keyPair.public) === signedPreKey],
  ]
  return checks.flatMap(([name, isSame]) => (isSame ? [] : [`another ${name}`]))
}
