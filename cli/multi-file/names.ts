/** Names of the files in a multi-file auth folder, as Baileys makes them, and back to keys. Baileys writes
 *  `__` for `/` and `-` for `:`, so the name alone does not tell the id. The form of the ids of each type of
 *  key does. Pure. */

/** Longer types come before their own beginnings: `sender-key-memory-...` is no sender key. */
export const KEY_TYPES = [
  'app-state-sync-version',
  'app-state-sync-key',
  'sender-key-memory',
  'identity-key',
  'device-list',
  'lid-mapping',
  'sender-key',
  'pre-key',
  'session',
  'tctoken',
] as const
type KeyType = (typeof KEY_TYPES)[number]

export const CREDS_FILE = 'creds.json'
/** Copies of the creds that programs on Baileys write by themselves before each save. */
export const CREDS_BACKUPS = ['creds.json.bak', 'creds.backup.json'] as const
/** What an id is made of. A copy that Windows or a browser has named `... (1)` has other characters. */
const ID_CHARACTERS = /^[A-Za-z0-9_.@:+/=-]+$/
/** Files that systems put beside others: Windows, and Linux on Windows. */
const OF_THE_SYSTEM = /^(?:\.|desktop\.ini$|Thumbs\.db$)|:Zone\.Identifier$/i
const ENDING = '.json'

export interface KeyName {
  readonly type: string
  readonly id: string
}

export function fileOf({ type, id }: KeyName): string {
  return `${type}-${id}${ENDING}`.replaceAll('/', '__').replaceAll(':', '-')
}

/** @returns undefined for a file that is not Baileys', or whose id cannot be told for certain */
export function keyOf(file: string): KeyName | undefined {
  const type = KEY_TYPES.find((name) => file.startsWith(`${name}-`))
  if (!type || !file.endsWith(ENDING)) return undefined
  const id = idOf(type, file.slice(type.length + 1, -ENDING.length))
  return id && ID_CHARACTERS.test(id) ? { type, id } : undefined
}

/** Some tools and disks write all names in capitals, and with them ids in which the case counts. */
export function hasChangedCase(file: string): boolean {
  return keyOf(file) === undefined && keyOf(file.toLowerCase()) !== undefined
}

/** A copy of the creds that a person, or another program, may have made. */
export function mayHoldCreds(file: string): boolean {
  const isLike = /^creds(?![a-z]).*(?:json|bak|backup|old|orig|copy|~)/i.test(file)
  return isLike && file !== CREDS_FILE && !isOfTheSystem(file)
}

export function isOfTheSystem(file: string): boolean {
  return OF_THE_SYSTEM.test(file)
}

function idOf(type: KeyType, written: string): string | undefined {
  switch (type) {
    // base64: it has `/`, and neither `-`, `:` nor `_`
    case 'app-state-sync-key':
      return /[-:]/.test(written) ? undefined : written.replaceAll('__', '/')
    // group::sender::device; older groups have a `-` of their own
    case 'sender-key':
      return written.replace(/^(.+)--([^-]+)--(\d+)$/, '$1::$2::$3').match(/^.+::[^:]+::\d+$/)?.[0]
    // a group
    case 'sender-key-memory':
      return written.includes('__') ? undefined : written
    // a user, perhaps with its device; or the list of all of them
    case 'tctoken':
      return written === '__index' ? written : unambiguous(written.replace(/^(\d+)-(\d+@)/, '$1:$2'))
    // numbers, addresses like 15550100.0 and 99001_1.2, and names like critical_block: none of the four
    // characters
    default:
      return unambiguous(written)
  }
}

function unambiguous(written: string): string | undefined {
  return written.includes('-') || written.includes('__') ? undefined : written
}
