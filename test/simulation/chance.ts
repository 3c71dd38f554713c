/** Chance by name: each part of the simulation draws from its own stream. When a fault is taken out of a
 *  scenario that is shrunk, the other parts draw the same as before. */
import type { Random } from '../../core/random.ts'
import { seededRandom } from '../builders/chance.ts'

export interface Chance extends Random {
  /** Uniform in [from, to). */
  between(from: number, to: number): number
  within(range: readonly [from: number, to: number]): number
  /** A whole number in [from, to]. */
  whole(from: number, to: number): number
  /** True `permille` times in a thousand. */
  happens(permille: number): boolean
  pick<Item>(items: readonly Item[]): Item | undefined
}

/** The stream of `seed` and these names. It is always the same. */
export function chance(seed: number, ...names: readonly (string | number)[]): Chance {
  const { fraction, id } = seededRandom(hash(seed, names.join('/')))
  const whole = (from: number, to: number) => from + Math.floor(fraction() * (to - from + 1))
  return {
    fraction,
    id,
    between: (from, to) => from + fraction() * (to - from),
    within: ([from, to]) => from + fraction() * (to - from),
    whole,
    happens: (permille) => permille > 0 && fraction() * 1000 < permille,
    pick: (items) => items[whole(0, items.length - 1)],
  }
}

/** FNV-1a over the name, stirred with the seed. */
function hash(seed: number, name: string): number {
  let mixed = (0x811c9dc5 ^ Math.imul(seed | 0, 0x9e3779b1)) >>> 0
  for (let at = 0; at < name.length; at++) mixed = Math.imul(mixed ^ name.charCodeAt(at), 0x01000193) >>> 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b) >>> 0
  return (mixed ^ (mixed >>> 13)) >>> 0
}
