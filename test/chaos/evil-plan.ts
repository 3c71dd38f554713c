/** The wrongs of WhatsApp in one run: mostly to one device, at times to all. Pure: a seed draws one plan. */
import type { DamageOptions } from '../../local/whatsapp/damage/generator.ts'
import { type Answer, LOGIN_PHASES, type Misdeed } from '../../local/whatsapp/misdeeds.ts'
import type { Chance } from '../simulation/chance.ts'

export type Evil =
  | {
      readonly kind: 'damage'
      readonly pick: number
      readonly damage: DamageOptions
      readonly everyMs: number
    }
  | {
      readonly kind: 'misdeed'
      /** Its row in the table. */
      readonly what: string
      /** Absent: every device. */
      readonly pick?: number
      readonly misdeed: Misdeed
      readonly lastsMs: number
      /** Provokes the wrong: a login, or a text that the device answers. */
      readonly provoke?: 'login' | 'text'
      /** The device waits a long time unless an operator starts it. */
      readonly startedAfter?: boolean
    }
  | {
      readonly kind: 'texted by LID'
      readonly pick: number
      readonly contact: number
      /** Whether the message tells the contact's number as well. */
      readonly alternate: boolean
    }
  | {
      readonly kind: 'texted in a group'
      readonly pick: number
      readonly contact: number
      /** How the members are named in a new group, when the device is in none yet. */
      readonly byLid: boolean
    }
  | { readonly kind: 'asked again'; readonly pick: number; readonly byLid: boolean }

type OfMisdeed = Extract<Evil, { kind: 'misdeed' }>

/** Damages begin at a place up to this in the order of their seed, which has some 22,000. */
const ORDER_MAX = 20_000
/** Endings after which a device comes back at once. After a ban, a conflict or a removal it would stay
 *  away. */
const ENDINGS = ['stream:error 503', 'stream:error 515', 'failure 503', 'frame that', 'xmlstreamend'] as const
/** Each layer has at least this many damages. */
const ENDING_PLACES = 6
/** Refusals that heal by themselves. */
const REFUSALS = ['408', '500', '503'] as const
/** The length of a ban in seconds. */
const BAN_SECONDS_MAX = 10
/** Queries whose answer changes nothing at WhatsApp. A damaged answer leaves both sides with the same
 *  keys. */
const ASKED = ['usync', 'key', 'prekey-count', 'passive', 'abt', 'blocklist', 'privacy', 'ping'] as const
const SECONDS = 1000
/** Silences of more than a minute come only in runs that are much longer. */
const LONG_SILENCE_MS_MAX = 600_000
const LONG_SILENCE_SHARE = 3

export function drawDamage(draw: Chance): Evil {
  // A quarter of the damages may end the socket by its meaning, or leave the stream unreadable.
  const mayEnd = draw.happens(250)
  const only = mayEnd ? draw.pick(ENDINGS) : undefined
  const damage = {
    seed: draw.whole(1, 1000),
    from: mayEnd ? draw.whole(0, ENDING_PLACES - 1) : draw.whole(0, ORDER_MAX),
    count: mayEnd ? 1 : draw.whole(1, 12),
    ending: mayEnd,
    ...(only && { only }),
  }
  return { kind: 'damage', pick: draw.fraction(), damage, everyMs: draw.whole(0, 100) }
}

export function drawLoginDamage(draw: Chance): OfMisdeed {
  const phase = draw.pick(LOGIN_PHASES) ?? 'opening'
  const damage = {
    seed: draw.whole(1, 1000),
    from: draw.whole(0, ORDER_MAX),
    count: draw.whole(1, 3),
    ending: false,
  }
  const evil = {
    kind: 'misdeed',
    what: `login damaged: ${phase}`,
    misdeed: { what: 'login-damage', phase, damage },
    lastsMs: draw.between(2, 15) * SECONDS,
  } as const
  // A device that is not linked is no account yet.
  return phase === 'pairing' ? evil : { ...evil, pick: draw.fraction(), provoke: 'login' }
}

export function drawRefusal(draw: Chance): OfMisdeed {
  const evil = { kind: 'misdeed', pick: draw.fraction(), provoke: 'login' } as const
  const lastsMs = draw.between(3, 25) * SECONDS
  const way = draw.whole(1, 6)
  if (way === 1) {
    const attrs = { code: '101', expire: String(draw.whole(1, BAN_SECONDS_MAX)) }
    return { ...evil, what: 'login refused: 402', lastsMs, misdeed: refused('402', { attrs }) }
  }
  if (way === 2)
    return { ...evil, what: 'login refused: 405', lastsMs, misdeed: refused('405'), startedAfter: true }
  const reason = draw.pick(REFUSALS) ?? '503'
  const tag = draw.happens(300) ? 'stream:error' : 'failure'
  return { ...evil, what: `login refused: ${reason}`, lastsMs, misdeed: refused(reason, { tag }) }
}

export function drawQuestion(draw: Chance): OfMisdeed {
  const isDamaged = draw.happens(250)
  const kind = isDamaged || draw.happens(700) ? (draw.pick(ASKED) ?? 'usync') : '*'
  const answer: Answer = isDamaged
    ? { damaged: draw.whole(1, 1000) }
    : (draw.pick(['never', 'when-lifted', { afterMs: draw.whole(500, 20_000) }, { error: 500 }] as const) ??
      'never')
  return {
    kind: 'misdeed',
    what: `queries answered ${inWords(answer)}`,
    pick: draw.fraction(),
    misdeed: { what: 'query', kind, answer },
    lastsMs: draw.between(5, 40) * SECONDS,
    provoke: draw.happens(300) ? 'login' : 'text',
  }
}

export function drawAck(draw: Chance): OfMisdeed {
  const answer =
    draw.pick([
      'never',
      'when-lifted',
      { afterMs: draw.whole(500, 15_000) },
      { error: 429 },
      { error: 500 },
    ] as const) ?? 'never'
  return {
    kind: 'misdeed',
    what: `acks given ${inWords(answer)}`,
    pick: draw.fraction(),
    misdeed: { what: 'ack', answer },
    lastsMs: draw.between(5, 40) * SECONDS,
    provoke: 'text',
  }
}

export function drawSilence(draw: Chance, runMs: number): OfMisdeed {
  const isLong = runMs > LONG_SILENCE_SHARE * LONG_SILENCE_MS_MAX && draw.happens(100)
  const seconds = isLong ? LONG_SILENCE_MS_MAX / SECONDS : 60
  return {
    kind: 'misdeed',
    what: 'WhatsApp silent',
    pick: draw.fraction(),
    misdeed: { what: 'silence' },
    lastsMs: draw.between(1, seconds) * SECONDS,
  }
}

export function drawSilenceForAll(draw: Chance): OfMisdeed {
  return {
    kind: 'misdeed',
    what: 'WhatsApp silent to all',
    misdeed: { what: 'silence' },
    lastsMs: draw.between(2, 15) * SECONDS,
  }
}

export const drawByLid = (draw: Chance): Evil => ({
  kind: 'texted by LID',
  pick: draw.fraction(),
  contact: draw.fraction(),
  alternate: draw.happens(500),
})
export const drawInGroup = (draw: Chance): Evil => ({
  kind: 'texted in a group',
  pick: draw.fraction(),
  contact: draw.fraction(),
  byLid: draw.happens(500),
})
export const drawAskedAgain = (draw: Chance): Evil => ({
  kind: 'asked again',
  pick: draw.fraction(),
  byLid: draw.happens(500),
})

function refused(reason: string, more: { attrs?: Record<string, string>; tag?: string } = {}): Misdeed {
  return { what: 'refuse-login', reason, ...more }
}

function inWords(answer: Answer): string {
  if (typeof answer === 'string') return answer === 'never' ? 'never' : 'late'
  if ('afterMs' in answer) return 'late'
  return 'damaged' in answer ? 'damaged' : `with ${answer.error}`
}
