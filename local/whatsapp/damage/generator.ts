/** Generates malformed input of every kind that a WhatsApp client may receive. A seed always gives the same
 *  damage, and each damage has a name in words. `local/whatsapp/inflict.ts` sends it. It must touch no socket
 *  and no clock. */
import { bends } from './bends.ts'
import { type FrameDamage, frameDamages } from './frames.ts'
import { type PayloadDamage, payloadDamages } from './payloads.ts'
import { encodeRaw, type RawNode, rawNode } from './raw-node.ts'
import type { Cast, Sample } from './sample.ts'
import { samples } from './samples.ts'
import { type Seeded, seeded } from './seeded.ts'

export interface DamageOptions {
  readonly seed: number
  readonly count: number
  /** Where in the seed's order to begin; by default 0. The order has no end: it repeats with other bends. */
  readonly from?: number | undefined
  /** Only damage with this text in its name: a kind of stanza, a way of bending, or a whole name. */
  readonly only?: string | undefined
  /** `false` leaves out stanzas that tell the client to end the socket: `stream:error`, `failure` and
   *  `xmlstreamend`. Frames after which the stream cannot be read any more are left out, too. */
  readonly ending?: boolean | undefined
}

export type Damage = { readonly index: number; readonly ends: boolean } & (
  | FrameDamage
  | (PayloadDamage & { readonly layer: 'message' })
)

/** Damage that ended a whole server in November. It comes first with every seed. */
export const KNOWN_KILLERS: readonly string[] = [
  'frame that does not decrypt: a bit is flipped',
  'node: a node whose tag is empty text',
  'node: an empty plaintext',
  'node: a node of one attribute that is not there',
  'stream:error 503: attribute code: a word',
  'stream:error 503: attribute code: one',
  'failure 503: attribute reason: a word',
]

/** How many orders of seeds are remembered; each has some twenty thousand damages. */
const ORDERS_KEPT_MAX = 3

/** A damage that is not encoded yet: a seed has thousands of them, and few are sent. */
interface Draft {
  readonly name: string
  readonly ends: boolean
  readonly what: FrameDamage | PayloadDamage | RawNode
}

export type DamageSource = (options: DamageOptions, cast: Cast) => Damage[]

/** Remembers the order of a seed, so that a caller that continues with `from` need not wait for it again. */
export function makeDamageSource(): DamageSource {
  const orders = new Map<string, Draft[]>()
  const orderOf = (seed: number, cast: Cast) => {
    const key = `${seed} ${JSON.stringify(cast)}`
    const order = orders.get(key) ?? draftsOf(seed, cast)
    orders.delete(key)
    orders.set(key, order)
    for (const [oldest] of orders) if (orders.size > ORDERS_KEPT_MAX) orders.delete(oldest)
    return order
  }
  return (options, cast) => {
    const { seed, count, from = 0 } = options
    const found: Damage[] = []
    let before = 0
    for (let round = 0; found.length < count; round++) {
      const order = orderOf(seed + round, cast).filter((draft) => wanted(draft, options))
      if (order.length === 0) return []
      const begin = Math.max(0, from - before)
      const chosen = order.slice(begin, begin + count - found.length)
      found.push(...chosen.map((draft, place) => written(draft, before + begin + place)))
      before += order.length
    }
    return found
  }
}

function wanted({ name, ends }: Draft, { only, ending = true }: DamageOptions): boolean {
  return (ending || !ends) && (only === undefined || name.includes(only))
}

/** Puts the known killers first and then the kinds in turn, so that even a small count has damage of every
 *  kind. */
function draftsOf(seed: number, cast: Cast): Draft[] {
  const chance = seeded(seed)
  const from = samples(cast, chance)
  const kinds = [
    ...from.map((sample) => chance.shuffled(bent(sample, chance))),
    chance.shuffled(frameDamages(from, chance).map(ofFrame)),
    chance.shuffled(payloadDamages(chance).map((what) => ({ name: what.name, ends: false, what }))),
  ]
  const drafts = inTurn(kinds)
  const rank = new Map(KNOWN_KILLERS.map((name, place) => [name, place]))
  const rankOf = ({ name }: Draft) => rank.get(name) ?? 0
  const killers = drafts
    .filter(({ name }) => rank.has(name))
    .sort((one, other) => rankOf(one) - rankOf(other))
  return [...killers, ...drafts.filter(({ name }) => !rank.has(name))]
}

function bent({ kind, stanza, ends = false }: Sample, chance: Seeded): Draft[] {
  const whole = rawNode(stanza)
  return [{ how: 'as it should be, but nobody waits for it', node: whole }, ...bends(whole, chance)].map(
    ({ how, node }) => ({ name: `${kind}: ${how}`, ends, what: node }),
  )
}

/** A frame that is not sealed puts the counters of Noise out of step, so the stream cannot be read after
 *  it. */
function ofFrame(what: FrameDamage): Draft {
  const ends = what.layer !== 'sealed' || /^(stream:error|failure|xmlstreamend|ib downgrade)/.test(what.name)
  return { name: what.name, ends, what }
}

function written({ name, ends, what }: Draft, index: number): Damage {
  if ('plaintext' in what) return { ...what, index, ends, layer: 'message' }
  if ('layer' in what) return { ...what, index, ends }
  return { name, index, ends, layer: 'sealed', bytes: encodeRaw(what) }
}

/** The first item of each list, then the second of each, until all are used up. */
function inTurn<T>(lists: readonly (readonly T[])[]): T[] {
  const longest = Math.max(...lists.map(({ length }) => length))
  return Array.from({ length: longest }, (_, place) =>
    lists.flatMap((list) => list.slice(place, place + 1)),
  ).flat()
}
