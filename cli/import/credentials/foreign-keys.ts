/** Sorts the Signal keys of another system by type and id, in whichever way it has named them. */
import type { KeysByType } from '../../../hosts/auth-state/whole-state.ts'
import { counted } from '../../words.ts'
import { parseForeign } from '../forms/foreign-json.ts'
import { mayBeValue, shown } from '../forms/names.ts'
import { idWithin, keyNamed, keyTypeNamed } from './key-names.ts'
import { kindOf } from './kind-of.ts'

export interface ForeignKeys {
  readonly keys: KeysByType
  /** Keys that are not imported, and why. */
  readonly leftOut: readonly string[]
}

/** Collects keys one by one. A key without a value is absent. */
export interface KeyCollector {
  /** Takes a key. A type that Baileys does not have is told in the result, and its keys are not stored. */
  add(type: string, id: string, value: unknown): void
  /** Takes a key of which the name tells type and id, as `pre-key-1` does.
   *  @returns false when the name is none of Baileys'; the caller tells it */
  addNamed(name: string, value: unknown): boolean
  /** Leaves a key out, and tells how many there are of its name. */
  leaveOut(name: string, count?: number): void
  result(): ForeignKeys
}

const NAMES_TOLD_MAX = 20
const NAME_CHARACTERS_MAX = 60
/** JSON within JSON within JSON: no program is known to nest deeper. */
const UNFOLDED_TIMES_MAX = 3

export function collectKeys(): KeyCollector {
  const byType = new Map<string, Map<string, unknown>>()
  const leftOut = new Map<string, number>()
  const store = (type: string, id: string, value: unknown) => {
    const read = type === 'lid-mapping' ? digitsOf(value) : unfolded(value)
    if (isAbsent(read)) return
    const byId = byType.get(type) ?? new Map<string, unknown>()
    byType.set(type, byId.set(id, read))
  }
  const leaveOut = (name: string, count = 1) => {
    const family = familyOf(name)
    leftOut.set(family, (leftOut.get(family) ?? 0) + count)
  }
  return {
    add(named, id, value) {
      if (isAbsent(value)) return
      const type = keyTypeNamed(named)
      if (type) store(type, idWithin(type, id), value)
      else leaveOut(named)
    },
    addNamed(name, value) {
      const key = keyNamed(name)
      if (key) store(key.type, key.id, value)
      return key !== undefined
    },
    leaveOut,
    result: () => ({
      keys: Object.fromEntries([...byType].map(([type, byId]) => [type, Object.fromEntries(byId)])),
      leftOut: told(leftOut),
    }),
  }
}

/** @param nested keys by type and then by id, as in `{"pre-key": {"1": ...}}`, or by name, as in
 *  `{"pre-key-1": ...}`
 *  @param beside fields that stand beside the creds; some systems keep keys among them */
export function foreignKeys(nested: unknown, beside: Readonly<Record<string, unknown>> = {}): ForeignKeys {
  const keys = collectKeys()
  const all = unfolded(nested)
  const entries = entriesOf(all)
  for (const [name, value] of entries ?? []) {
    if (!takeEntry(keys, name, value) && !isAbsent(value)) keys.leaveOut(name, countIn(value))
  }
  for (const [name, value] of Object.entries(beside)) {
    // Texts and numbers are columns of the other system.
    const isKeyLike = typeof value === 'object' && value !== null
    if (!takeEntry(keys, name, value) && isKeyLike) keys.leaveOut(name, countIn(value))
  }
  const result = keys.result()
  if (entries || isAbsent(all)) return result
  return { ...result, leftOut: [...result.leftOut, `its keys are ${kindOf(all)} instead of an object`] }
}

/** How many keys an unknown name stands for. Only the keys of a whole type are objects within an object. */
function countIn(value: unknown): number {
  const entries = entriesOf(value) ?? []
  const isType = entries.every(([, key]) => typeof key === 'object' && key !== null)
  return isType ? Math.max(1, entries.length) : 1
}

/** Takes what an object holds under one name: all keys of a type, or one key.
 *  @returns false when the name is neither a type nor a key */
function takeEntry(keys: KeyCollector, name: string, value: unknown): boolean {
  if (keyTypeNamed(name) === undefined) return keys.addNamed(name, value)
  const byId = unfolded(value)
  const entries = entriesOf(byId)
  if (entries) for (const [id, key] of entries) keys.add(name, id, key)
  else if (!isAbsent(byId)) keys.leaveOut(name)
  return true
}

/** Own properties alone: a name such as `constructor` must find nothing that was not in the file.
 *  @returns undefined for a value that is no object with names */
function entriesOf(value: unknown): [string, unknown][] | undefined {
  const isNamed =
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  return isNamed ? Object.entries(value) : undefined
}

function isAbsent(value: unknown): boolean {
  return value === null || value === undefined || value === ''
}

/** A text column holds each key as JSON. A text that is none stays, and is then found to be damaged. */
function unfolded(value: unknown): unknown {
  let read = value
  try {
    for (let times = 0; typeof read === 'string' && times < UNFOLDED_TIMES_MAX; times++) {
      read = parseForeign(read)
    }
  } catch {
    return read
  }
  return read
}

/** A LID and a phone number are texts of digits. As JSON they would become numbers. */
function digitsOf(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/^"(\d+)"$/, '$1')
  return Number.isSafeInteger(value) ? String(value) : value
}

/** Keys of one unknown type differ in their ids alone, so they are told together. */
function familyOf(name: string): string {
  const short = shown(name, NAME_CHARACTERS_MAX)
  if (mayBeValue(name)) return short
  return short.replace(/[-:._/]*\d[\d.]*(?:\.json)?$/, '') || short
}

function told(leftOut: ReadonlyMap<string, number>): string[] {
  const names = [...leftOut]
  const lines = names
    .slice(0, NAMES_TOLD_MAX)
    .map(
      ([name, count]) => `${counted(count, 'key')} named "${name}" left out: Baileys has none of that name`,
    )
  const rest = names.slice(NAMES_TOLD_MAX).reduce((sum, [, count]) => sum + count, 0)
  return rest === 0
    ? lines
    : [...lines, `${counted(rest, 'key')} of other names left out: Baileys has none of them`]
}
