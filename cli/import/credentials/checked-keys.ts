/** Leaves out Signal keys that are damaged, so that the device goes on with the whole ones. Pure. */
import type { KeyPair } from '@whiskeysockets/baileys'
import type { KeysByType } from '../../../hosts/auth-state/whole-state.ts'
import { counted, few, shown } from '../../words.ts'
import { Damaged, keyPair, mustMatch } from './key-material.ts'

/** To prove a pair takes 0.4 ms, and a device has 812: some tell whether all have to be proved. */
const PAIRS_PROVED = 8
const NAMES_TOLD_MAX = 5
/** The form of the ids that Baileys counts up, in three bytes on the wire. */
const PRE_KEY_ID = /^(?:0|[1-9]\d{0,7})$/
const PRE_KEY_ID_MAX = 0xff_ffff

type Entry = readonly [id: string, value: unknown]

const isObject = (value: unknown) =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
const isBytes = (value: unknown) => value instanceof Uint8Array && value.length > 0

/** The form of a value of each type. Sessions and sender keys are bytes or objects, by the age of Baileys. */
const FORMS: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ['session', (value) => isBytes(value) || (isObject(value) && Object.keys(value as object).length > 0)],
  ['sender-key', (value) => typeof value === 'object' && value !== null && Object.keys(value).length > 0],
  ['sender-key-memory', isObject],
  ['app-state-sync-key', (value) => isObject(value) && hasBytes((value as { keyData?: unknown }).keyData)],
  ['app-state-sync-version', isObject],
  ['lid-mapping', (value) => typeof value === 'string' && /^\d{1,20}$/.test(value)],
  ['device-list', (value) => Array.isArray(value)],
  ['tctoken', isObject],
  ['identity-key', isBytes],
])

/** @returns the whole keys, and which are left out */
export function checkedKeys(keys: KeysByType): { readonly keys: KeysByType; readonly leftOut: string[] } {
  const leftOut: string[] = []
  const types = Object.entries(keys).map(([type, byId]) => {
    const entries = Object.entries(byId)
    const whole =
      type === 'pre-key' ? preKeysOf(entries) : entries.filter(([, value]) => isWhole(type, value))
    const kept = new Set(whole.map(([id]) => id))
    const damaged = entries.filter(([id]) => !kept.has(id)).map(([id]) => nameOf(type, id))
    if (damaged.length > 0) leftOut.push(told(damaged))
    return [type, Object.fromEntries(whole)] as const
  })
  return { keys: Object.fromEntries(types), leftOut }
}

function isWhole(type: string, value: unknown): boolean {
  return FORMS.get(type)?.(value) ?? false
}

function preKeysOf(entries: readonly Entry[]): Entry[] {
  const pairs = entries.flatMap(([id, value]): (readonly [string, KeyPair])[] => {
    const pair = PRE_KEY_ID.test(id) && Number(id) <= PRE_KEY_ID_MAX ? wholePair(value) : undefined
    return pair ? [[id, pair]] : []
  })
  const step = Math.max(1, Math.floor(pairs.length / PAIRS_PROVED))
  const isProved = pairs.every(([, pair], at) => at % step !== 0 || isOnePair(pair))
  return isProved ? pairs : pairs.filter(([, pair]) => isOnePair(pair))
}

function wholePair(value: unknown): KeyPair | undefined {
  try {
    return keyPair(value, 'pre-key')
  } catch (error) {
    if (error instanceof Damaged) return undefined
    throw error
  }
}

function isOnePair(pair: KeyPair): boolean {
  try {
    mustMatch(pair, 'pre-key')
    return true
  } catch (error) {
    if (error instanceof Damaged) return false
    throw error
  }
}

function hasBytes(value: unknown): boolean {
  return isBytes(value) || (typeof value === 'string' && value !== '')
}

function nameOf(type: string, id: string): string {
  return shown(`${type}-${id}`)
}

function told(damaged: readonly string[]): string {
  const are = damaged.length === 1 ? 'is' : 'are'
  const names = few(damaged, NAMES_TOLD_MAX).join(', ')
  return `${counted(damaged.length, 'key')} ${are} damaged and left out: ${names}`
}
