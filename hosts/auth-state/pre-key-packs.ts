/** Pre-keys are made 812 at a time and used up one by one. Neighbours share an item, a pack, so that a first login takes
 *  some dozens of requests instead of a thousand, each still one conditional write on one item. */
import { deserialise, serialise } from './serialise.ts'

/** A pack of 50 is some 8 KB: using up one pre-key writes that much again. */
const PRE_KEYS_PER_PACK = 50
/** The form in which Baileys counts pre-keys. Any other id has an item of its own. */
const COUNTED = /^(0|[1-9]\d{0,8})$/

/** The name of the pack that holds a key, or undefined when the key has an item of its own. */
export function packOf(type: string, id: string): string | undefined {
  if (type !== 'pre-key' || !COUNTED.test(id)) return undefined
  return `pack-${Math.floor(Number(id) / PRE_KEYS_PER_PACK)}`
}

export function membersOf(pack: string | undefined): Map<string, unknown> {
  return new Map(Object.entries(pack === undefined ? {} : (deserialise(pack) as object)))
}

/** @param members a value of null or undefined takes the member out
 *  @returns undefined when none is left */
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
