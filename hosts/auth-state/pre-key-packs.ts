/** Stores neighbouring pre-keys in one item, a pack. Pre-keys are made 812 at a time and used up one by one.
 *  With packs a first login takes some dozens of requests instead of a thousand, and each is still one
 *  conditional write on one item. */
import { deserialise, serialise } from './serialise.ts'

/** A pack of 50 is some 8 KB, and using up one pre-key writes all of it again. */
const PRE_KEYS_PER_PACK = 50
/** The form of Baileys' own pre-key ids. A pre-key with any other id has an item of its own. */
const COUNTED = /^(0|[1-9]\d{0,8})$/

/** @returns the name of the pack that holds the key, undefined when the key has an item of its own */
export function packOf(type: string, id: string): string | undefined {
  if (type !== 'pre-key' || !COUNTED.test(id)) return undefined
  return `pack-${Math.floor(Number(id) / PRE_KEYS_PER_PACK)}`
}

export function membersOf(pack: string | undefined): Map<string, unknown> {
  return new Map(Object.entries(pack === undefined ? {} : (deserialise(pack) as object)))
}

/** @param members null or undefined removes the member
 *  @returns undefined when no member is left */
export function withMembers(
  pack: string | undefined,
  members: Iterable<readonly [id: string, value: unknown]>,
): string | undefined {
  const all = membersOf(pack)
  for (const [id, value] of members) {
    if (value === null || value === undefined) all.delete(id)
    else all.set(id, value)
  }
  return all.size === 0 ? undefined : serialise(Object.fromEntries(all))
}
