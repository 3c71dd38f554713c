/** Reads the names by which other systems keep Signal keys: the names of types, and names that hold a type
 *  and an id. Pure. */
import { KEY_TYPES, type KeyName, keyOf } from '../../multi-file/names.ts'

/** What useSingleFileAuthState of older Baileys calls this type differs in more than its spelling. */
const OLDER_TYPES = [['appstateversion', 'app-state-sync-version']] as const

const TYPES: ReadonlyMap<string, string> = new Map([
  ...KEY_TYPES.map((type) => [lettersOf(type), type] as const),
  ...OLDER_TYPES,
])
/** No name of a type is longer. */
const TYPE_CHARACTERS_MAX = 40
/** A group, a sender and a device are some 80 characters. */
const NAME_CHARACTERS_MAX = 512

const NAME = new RegExp(`^(${KEY_TYPES.join('|')})[-:/](.+)$`, 's')
const ENDING = /\.json$/i
/** Ids that stand in a name as they are, and not as the name of a file has to write them. */
const UNESCAPED: Readonly<Record<string, RegExp>> = {
  'app-state-sync-key': /^[A-Za-z0-9+/]+={0,2}$/,
  'sender-key': /^[^/]+::[^:/]+::\d+$/,
  tctoken: /^\d+:\d+@[a-z.]+$/,
}

/** @param text `pre-key`, or in another spelling: `preKeys`, `pre_key`
 *  @returns Baileys' name of the type; undefined when Baileys has no such type */
export function keyTypeNamed(text: string): string | undefined {
  if (text.length > TYPE_CHARACTERS_MAX) return undefined
  const letters = lettersOf(text)
  return TYPES.get(letters) ?? TYPES.get(letters.replace(/s$/, ''))
}

/** @param text `pre-key-1`, or the name of a file: `pre-key-1.json`
 *  @returns undefined when the name is none of Baileys', or when its id cannot be told for certain */
export function keyNamed(text: string): KeyName | undefined {
  if (text.length > NAME_CHARACTERS_MAX) return undefined
  const [, type = '', id = ''] = NAME.exec(text.replace(ENDING, '')) ?? []
  if (type === '') return undefined
  if (!/[:/]/.test(id)) return keyOf(`${type}-${id}.json`)
  return UNESCAPED[type]?.test(id) ? { type, id } : undefined
}

/** @returns the id as Baileys has it; one that was written for the name of a file is read back */
export function idWithin(type: string, id: string): string {
  return keyNamed(`${type}-${id}`)?.id ?? id
}

function lettersOf(text: string): string {
  return text.replaceAll(/[-_ ]/g, '').toLowerCase()
}
