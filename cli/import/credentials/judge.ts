/** Judges credentials of another system: whether they are complete, and to which account they belong. */
import type { AuthenticationCreds } from '@whiskeysockets/baileys'
import type { DeviceId } from '../../../core/ids.ts'
import type { Account } from '../../../core/store/device-row.ts'
import { wholeCreds } from '../../../hosts/auth-state/creds.ts'
import { serialise } from '../../../hosts/auth-state/serialise.ts'
import { type KeysByType, keysTooLarge, type WholeState } from '../../../hosts/auth-state/whole-state.ts'
import { fileOf } from '../../multi-file/names.ts'
import { type Holdings, holdingsOf } from './holdings.ts'

export interface Linked extends WholeState {
  readonly account: Account
  /** Keys that are not imported, and why. */
  readonly leftOut: readonly string[]
  readonly holdings: Holdings
}

export interface Unusable {
  readonly unusable: string
}

/** WhatsApp sends keys of this type again to a device that has none. */
const FETCHED_AGAIN = 'app-state-sync-version'

/** @returns the credentials, ready to be stored, or why they are unusable */
export function judgeCredentials(
  device: DeviceId,
  creds: unknown,
  keys: KeysByType,
  leftOut: readonly string[],
): Linked | Unusable {
  const whole = wholeCreds(serialise(creds ?? null))
  if (!whole) return { unusable: 'its creds are damaged: a part that every device needs is missing' }
  const account = accountOf(whole)
  if (!account) return { unusable: 'it was never linked to a phone' }
  const tooLarge = keysTooLarge(device, keys)
  const [lost] = tooLarge.filter(({ type }) => type !== FETCHED_AGAIN)
  if (lost) return { unusable: `${fileOf(lost)} is too large to be stored` }
  const without = tooLarge.map((key) => `${fileOf(key)} is too large to be stored; WhatsApp sends it again`)
  const held = { creds, keys: keysWithout(keys, tooLarge), account, leftOut: [...leftOut, ...without] }
  return { ...held, holdings: holdingsOf(held) }
}

/** `me` alone proves no link: asking for a pairing code sets it. `account` comes only with the phone's
 *  consent. */
function accountOf({ me, account }: AuthenticationCreds): Account | undefined {
  if (!me?.id || !account) return undefined
  return { jid: me.id, ...(me.lid ? { lid: me.lid } : {}) }
}

function keysWithout(keys: KeysByType, gone: readonly { type: string; id: string }[]): KeysByType {
  const isGone = (type: string, id: string) => gone.some((key) => key.type === type && key.id === id)
  const kept = Object.entries(keys).map(([type, byId]) => [
    type,
    Object.fromEntries(Object.entries(byId).filter(([id]) => !isGone(type, id))),
  ])
  return Object.fromEntries(kept)
}
