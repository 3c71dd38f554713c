/** What the server does wrong on purpose, as long as it was asked to: the one book of it, in which the parts look up. */
import type { Timer } from '../../core/clock.ts'
import type { Account, Accounts } from './accounts.ts'
import type { DamageWish } from './damage/generator.ts'
import { SimulatorError } from './errors.ts'

const MISDEEDS_MAX = 10_000
/** Whose misdeeds meet every account, also those that are linked later, and newcomers. */
export const EVERYBODY = '*'

/** `when-lifted`: with the right answer, as soon as the misdeed is lifted. `damaged`: at once, with the right answer bent. */
export type Answer =
  | 'never'
  | 'when-lifted'
  | { readonly afterMs: number }
  | { readonly error: number; readonly text?: string | undefined }
  | { readonly damaged: number }

export type Misdeed =
  /** A login is answered by `<failure>`, or by another stanza, and closed. */
  | {
      readonly what: 'refuse-login'
      readonly reason?: string | undefined
      readonly attrs?: Readonly<Record<string, string>> | undefined
      /** `stream:error` with `reason` as its code, for instance. */
      readonly tag?: string | undefined
      /** Tags of what it holds. */
      readonly children?: readonly string[] | undefined
      /** The type of the `<conflict>` that it holds. */
      readonly conflict?: string | undefined
    }
  /** Logins and pairings of clients below this version get 405. */
  | { readonly what: 'outdated'; readonly below: string }
  /** A kind of `queries.ts`, `*` for all; `about` a contact's number. */
  | {
      readonly what: 'query'
      readonly kind: string
      readonly about?: string | undefined
      readonly answer: Answer
    }
  /** Of messages that the device sent, to a contact's number or a group. */
  | {
      readonly what: 'ack'
      readonly to?: string | undefined
      readonly answer: Exclude<Answer, { damaged: number }>
      /** Whether the message is taken: when left out, unless it is refused. */
      readonly taken?: boolean | undefined
    }
  /** Delivery receipts of contacts. */
  | {
      readonly what: 'receipt'
      readonly from?: string | undefined
      readonly answer: 'never' | 'when-lifted' | { readonly afterMs: number }
    }
  | { readonly what: 'not-on-whatsapp'; readonly number: string }
  | { readonly what: 'login-damage'; readonly phase: LoginPhase; readonly damage: DamageWish }
  | {
      readonly what: 'offline-batch'
      /** What comes while the batch still waits is sent at once. */
      readonly liveAtOnce?: boolean | undefined
      readonly holdMs?: number | undefined
      /** Between two stanzas of the batch. */
      readonly pauseMs?: number | undefined
    }
  /** The socket stays open; nothing is heard or answered. Then everything is, in order. */
  | { readonly what: 'silence' }

/** `hello`: in place of the server's. `handshake`: between handshake and `success`. `success`: in its place. `opening`: between
 *  `success` and the first answer. `offline`: with the offline batch. `pairing`: before a newcomer gets its codes. */
export const LOGIN_PHASES = ['hello', 'handshake', 'success', 'opening', 'offline', 'pairing'] as const
export type LoginPhase = (typeof LOGIN_PHASES)[number]

export type Kind = Misdeed['what']
export type Of<K extends Kind> = Extract<Misdeed, { readonly what: K }>

export interface Standing<M extends Misdeed = Misdeed> {
  readonly id: number
  /** An account's jid, or `*`. */
  readonly target: string
  readonly misdeed: M
  /** How often it is still done; absent: until it is lifted. */
  left?: number
  used: number
  /** What waits until it is lifted. */
  readonly waiting: (() => void)[]
  timer?: Timer
}

/** Without either it stands until it is lifted. */
export interface Until {
  /** How often it is done. */
  readonly times?: number | undefined
  readonly forMs?: number | undefined
}

export interface MisdeedSummary {
  readonly id: number
  readonly target: string
  readonly misdeed: Misdeed
  readonly left?: number
  readonly used: number
}

export interface Misdeeds {
  /** @param target an account's jid or phone number, or `*`. @throws SimulatorError UNKNOWN_ACCOUNT, BAD_REQUEST */
  begin(target: string, misdeed: Misdeed, until?: Until): Standing
  /** @throws SimulatorError UNKNOWN_MISDEED */
  lift(id: number): void
  liftAll(): void
  list(): MisdeedSummary[]
  /** The first that meets the account, without counting it. */
  find<K extends Kind>(
    what: K,
    account: Account | undefined,
    meets?: (misdeed: Of<K>) => boolean,
  ): Standing<Of<K>> | undefined
  /** The same, and counted: one of `times` is used up. */
  use<K extends Kind>(
    what: K,
    account: Account | undefined,
    meets?: (misdeed: Of<K>) => boolean,
  ): Standing<Of<K>> | undefined
  /** Hears of each that begins and ends. */
  onChange(hear: () => void): void
}

/** @param later a timer that does not outlive the simulator */
export function makeMisdeeds(accounts: Accounts, later: (ms: number, run: () => void) => Timer): Misdeeds {
  const standing = new Map<number, Standing>()
  const listeners: (() => void)[] = []
  let nextId = 1
  const changed = () => {
    for (const hear of listeners) hear()
  }
  const end = (one: Standing) => {
    standing.delete(one.id)
    one.timer?.cancel()
    for (const go of one.waiting.splice(0)) go()
    changed()
  }
  const book: Misdeeds = {
    begin(target, misdeed, { times, forMs } = {}) {
      if (standing.size >= MISDEEDS_MAX)
        throw new SimulatorError('BAD_REQUEST', `${MISDEEDS_MAX} misdeeds stand`)
      const one: Standing = {
        id: nextId++,
        target: target === EVERYBODY ? EVERYBODY : accounts.find(target).jid,
        misdeed,
        used: 0,
        waiting: [],
        ...(times !== undefined && { left: times }),
      }
      if (forMs !== undefined) one.timer = later(forMs, () => end(one))
      standing.set(one.id, one)
      changed()
      return one
    },
    lift(id) {
      const one = standing.get(id)
      if (!one) throw new SimulatorError('UNKNOWN_MISDEED', `no misdeed ${id} stands`)
      end(one)
    },
    liftAll() {
      for (const one of [...standing.values()]) end(one)
    },
    list: () => [...standing.values()].map(({ waiting: _, timer: __, ...summary }) => summary),
    find(what, account, meets = () => true) {
      for (const one of standing.values()) {
        const { misdeed, target } = one
        if (one.left === 0 || (target !== EVERYBODY && target !== account?.jid)) continue
        if (misdeed.what === what && meets(misdeed as Of<typeof what>))
          return one as Standing<Of<typeof what>>
      }
      return undefined
    },
    use(what, account, meets) {
      const one = book.find(what, account, meets)
      if (!one) return undefined
      one.used++
      if (one.left !== undefined) one.left--
      return one
    },
    onChange: (hear) => listeners.push(hear),
  }
  return book
}
