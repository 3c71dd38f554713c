/** Baileys' key store over the items of an auth state. It decides which item holds a key, and in which order
 *  a set is written. Keys of types that Mooring does not know are stored as they are. */
import type { SignalDataSet, SignalDataTypeMap, SignalKeyStore } from '@whiskeysockets/baileys'
import { inParallel } from '../../core/parallel.ts'
import { signalKey } from '../../core/store/auth-item-row.ts'
import type { AuthItems } from './items.ts'
import { membersOf, packOf, withMembers } from './pre-key-packs.ts'
import { deserialise, revive, serialise } from './serialise.ts'

/** The most requests of one call that are under way at once. */
const REQUESTS_AT_ONCE_MAX = 32

type KeyType = keyof SignalDataTypeMap
type Entry = readonly [id: string, value: unknown]

/** The keys of one call that share an item. */
interface Group {
  readonly item: string
  readonly isPack: boolean
  readonly entries: Entry[]
}

export function signalKeys(items: AuthItems, credentialsId: string): SignalKeyStore {
  async function readGroup(type: string, { item, isPack, entries }: Group) {
    const text = await items.read(item)
    if (text === undefined) return []
    const members = isPack ? membersOf(text) : undefined
    return entries.flatMap(([id]) => {
      const value = members ? members.get(id) : deserialise(text)
      return value === undefined ? [] : [[id, revive(type, value)] as const]
    })
  }

  async function writeGroup({ item, isPack, entries }: Group): Promise<void> {
    if (isPack) return items.change(item, (pack) => withMembers(pack, entries))
    for (const [, value] of entries) {
      if (isDeletion(value)) await items.remove(item)
      else await items.write(item, serialise(value))
    }
  }

  /** Refuses a set with an item that is too large whole, before anything of it is written. Baileys takes a
   *  set that threw for a set that was not stored. A half-stored set would be a version whose changes were
   *  never told, or a session that moved on without its message. */
  function assertAllFit(groups: readonly Group[]): void {
    for (const { item, isPack, entries } of groups) {
      if (!isPack) for (const [, value] of entries) items.assertFits(item, serialise(value))
    }
  }

  return {
    async get<T extends KeyType>(type: T, ids: string[]) {
      const groups = groupsOf(
        credentialsId,
        ids.map((id) => [type, [id, undefined]]),
      )
      const found = await inParallel(groups, REQUESTS_AT_ONCE_MAX, (group) => readGroup(type, group))
      return Object.fromEntries(found.flat()) as Record<string, SignalDataTypeMap[T]>
    },

    async set(data) {
      const entries = entriesOf(data)
      const writes = entries.filter(([, [, value]]) => !isDeletion(value))
      assertAllFit(groupsOf(credentialsId, writes))
      const deletions = entries.filter(([, [, value]]) => isDeletion(value))
      // Writes come first, so that a crash in between leaves too much rather than too little. A session that
      // moves to another id is written there before it is deleted here. A pre-key goes after the session made
      // from it is stored.
      await inParallel(groupsOf(credentialsId, writes), REQUESTS_AT_ONCE_MAX, writeGroup)
      await inParallel(groupsOf(credentialsId, deletions), REQUESTS_AT_ONCE_MAX, writeGroup)
    },
  }
}

/** Baileys deletes a key by setting it to `null`. */
function isDeletion(value: unknown): boolean {
  return value === null || value === undefined
}

function entriesOf(data: SignalDataSet): [type: string, entry: Entry][] {
  return Object.entries(data).flatMap(([type, byId]) =>
    Object.entries(byId ?? {}).map((entry): [string, Entry] => [type, entry]),
  )
}

function groupsOf(
  credentialsId: string,
  entries: readonly (readonly [type: string, entry: Entry])[],
): Group[] {
  const groups = new Map<string, Group>()
  for (const [type, entry] of entries) {
    const pack = packOf(type, entry[0])
    const item = signalKey(credentialsId, type, pack ?? entry[0])
    const group = groups.get(item)
    if (group) group.entries.push(entry)
    else groups.set(item, { item, isPack: pack !== undefined, entries: [entry] })
  }
  return [...groups.values()]
}
