/** Sorts the Signal keys of another system by type and id, in whichever way it has named them. */
import type { KeysByType } from '../../../hosts/auth-state/whole-state.ts'
import { keyOf } from '../../multi-file/names.ts'

/** The names of keys in useSingleFileAuthState of older Baileys. */
const OLDER_TYPES: Readonly<Record<string, string>> = {
  preKeys: 'pre-key',
  sessions: 'session',
  senderKeys: 'sender-key',
  senderKeyMemory: 'sender-key-memory',
  appStateSyncKeys: 'app-state-sync-key',
  appStateVersions: 'app-state-sync-version',
}

export interface ForeignKeys {
  readonly keys: KeysByType
  /** Keys that are not imported, and why. */
  readonly leftOut: readonly string[]
}

/** @param nested keys by type and then by id, as in `{"pre-key": {"1": ...}}` */
export function foreignKeys(nested: unknown): ForeignKeys {
  const found = Object.entries(nested as Record<string, unknown>).map(([type, byId]) => {
    const ids = Object.entries((byId ?? {}) as Record<string, unknown>)
    return [OLDER_TYPES[type] ?? type, Object.fromEntries(ids.filter(([, value]) => value))]
  })
  return { keys: Object.fromEntries(found), leftOut: [] }
}

/** Collects keys one by one. */
export function collectKeys() {
  const keys: KeysByType = {}
  const add = (named: string, id: string, value: unknown) => {
    const type = OLDER_TYPES[named] ?? named
    keys[type] = { ...keys[type], [id]: value }
  }
  return {
    add,
    /** @returns false when the name is not one of Baileys */
    addNamed(name: string, value: unknown): boolean {
      const key = keyOf(`${name}.json`)
      if (key) add(key.type, key.id, value)
      return key !== undefined
    },
    result: (): ForeignKeys => ({ keys, leftOut: [] }),
  }
}
