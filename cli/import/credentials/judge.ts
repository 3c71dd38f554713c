/** Judges credentials of another system: whether they are complete, and to which account they belong. */
import type { AuthenticationCreds } from '@whiskeysockets/baileys'
import type { DeviceId } from '../../../core/ids.ts'
import type { Account } from '../../../core/store/device-row.ts'
import { wholeCreds } from '../../../hosts/auth-state/creds.ts'
import { deserialise, serialise } from '../../../hosts/auth-state/serialise.ts'
import { type KeysByType, keysTooLarge, type WholeState } from '../../../hosts/auth-state/whole-state.ts'
import { fileOf } from '../../multi-file/names.ts'
import { checkedKeys } from './checked-keys.ts'
import { type Holdings, holdingsOf } from './holdings.ts'
import { ownJid, ownLid } from './jid.ts'
import { checkedCreds, Damaged } from './key-material.ts'

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
  try {
    const judged = judgeCreds(creds)
    return 'unusable' in judged ? judged : withKeys(device, judged, keys, leftOut)
  } catch (error) {
    if (error instanceof Damaged) return { unusable: `its creds are damaged: ${error.message}` }
    // JSON is written level by level, each on the stack.
    if (error instanceof RangeError) return { unusable: 'its credentials are nested too deep' }
    throw error
  }
}

interface Judged {
  readonly creds: AuthenticationCreds
  readonly account: Account
  readonly leftOut: readonly string[]
}

/** @throws Damaged */
function judgeCreds(foreign: unknown): Judged | Unusable {
  const { creds, losses } = checkedCreds(deserialise(serialise(foreign ?? null)))
  // `me` alone proves no link: asking for a pairing code sets it. `account` comes only with the phone's consent.
  if (!creds.me || !creds.account) return { unusable: 'it was never linked to a phone' }
  const { id, lid } = creds.me as { id?: unknown; lid?: unknown }
  if (id === undefined || id === null || id === '') return { unusable: 'it was never linked to a phone' }
  const jid = ownJid(id)
  if ('wrong' in jid) return { unusable: `its jid (me.id) cannot be that of a linked device: ${jid.wrong}` }
  const { me, ...others } = creds
  const named = lidOf(lid)
  const account = { jid: jid.jid, ...(named.lid === undefined ? {} : { lid: named.lid }) }
  const { lid: _spelled, ...person } = me
  const whole = {
    ...others,
    me: { ...person, id: account.jid, ...(account.lid ? { lid: account.lid } : {}) },
  }
  // The gate of the server that will connect the device.
  if (!wholeCreds(serialise(whole))) throw new Damaged('a part that every device needs is missing')
  return { creds: whole, account, leftOut: [...losses, ...named.leftOut] }
}

/** WhatsApp tells the LID at each login, so a device can do without. */
function lidOf(lid: unknown): { readonly lid?: string; readonly leftOut: readonly string[] } {
  if (lid === undefined || lid === null || lid === '') return { leftOut: [] }
  const found = ownLid(lid)
  if ('jid' in found) return { lid: found.jid, leftOut: [] }
  return { leftOut: [`its LID (me.lid) is left out, because ${found.wrong}; WhatsApp tells it again`] }
}

function withKeys(
  device: DeviceId,
  { creds, account, leftOut: ofCreds }: Judged,
  foreign: KeysByType,
  leftOut: readonly string[],
): Linked | Unusable {
  if (keysTooLarge(device, { creds: { creds } }).length > 0) {
    return { unusable: 'its creds are too large to be stored' }
  }
  const { keys, leftOut: damaged } = checkedKeys(foreign)
  const tooLarge = keysTooLarge(device, keys)
  const [lost] = tooLarge.filter(({ type }) => type !== FETCHED_AGAIN)
  if (lost) return { unusable: `${fileOf(lost)} is too large to be stored` }
  const without = tooLarge.map((key) => `${fileOf(key)} is too large to be stored; WhatsApp sends it again`)
  const all = [...leftOut, ...ofCreds, ...damaged, ...without]
  const held = { creds, keys: keysWithout(keys, tooLarge), account, leftOut: all }
  return { ...held, holdings: holdingsOf(held) }
}

function keysWithout(keys: KeysByType, gone: readonly { type: string; id: string }[]): KeysByType {
  const isGone = (type: string, id: string) => gone.some((key) => key.type === type && key.id === id)
  const kept = Object.entries(keys).map(([type, byId]) => [
    type,
    Object.fromEntries(Object.entries(byId).filter(([id]) => !isGone(type, id))),
  ])
  return Object.fromEntries(kept)
}
