/** Random choices that follow from a seed: the same seed gives the same damage on every machine. */

export interface Seeded {
  /** A whole number in [0, below). */
  below(below: number): number
  pick<T>(from: readonly T[]): T
  bytes(length: number): Buffer
  shuffled<T>(items: readonly T[]): T[]
}

export function seeded(seed: number): Seeded {
  let state = seed >>> 0
  // mulberry32 is small, and good enough to choose damage.
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const chance: Seeded = {
    below: (below) => Math.floor(next() * below),
    pick(from) {
      const picked = from[chance.below(from.length)]
      if (picked === undefined) throw new RangeError('nothing to pick from')
      return picked
    },
    bytes: (length) => Buffer.from(Array.from({ length }, () => chance.below(256))),
    shuffled(items) {
      const rest = [...items]
      for (let last = rest.length - 1; last > 0; last--) {
        const other = chance.below(last + 1)
        ;[rest[last], rest[other]] = [rest[other] as (typeof rest)[0], rest[last] as (typeof rest)[0]]
      }
      return rest
    },
  }
  return chance
}
