/** Chance under the control of a test. */
import type { Random } from '../../core/random.ts'

/** Mulberry32: the same seed gives the same chances. */
export function seededRandom(seed = 1): Random {
  let state = seed >>> 0
  const fraction = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const hex = () =>
    Math.floor(fraction() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
  return { fraction, id: () => hex() + hex() }
}

/** Gives these fractions one after another, and the last one for ever. */
export function scriptedRandom(...fractions: readonly number[]): Random {
  let at = 0
  return {
    fraction: () => fractions[Math.min(at++, fractions.length - 1)] ?? 0,
    id: () => `id-${at++}`,
  }
}
