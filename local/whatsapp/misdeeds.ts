/** Misdeeds: what the server does wrong on purpose while a test asks for it. The parts of the simulator look
 *  here before they answer. */
import type { Timer } from '../../core/clock.ts'
import type { Account, Accounts } from './accounts.ts'
import type { DamageOptions } from './damage/generator.ts'
import { SimulatorError } from './errors.ts'

const MISDEEDS_MAX = 10_000
/** The target of misdeeds that apply to every account, also to later ones, and to newcomers. */
export const EVERYBODY = '*'

/** `when-lifted`: the right answer is sent when the misdeed is lifted. `damaged`: the right answer is bent
 *  and sent at once; the number is the seed. */
export type Answer =
  | 'never'
  | 'when-lifted'
  | { readonly afterMs: number }
  | { readonly error: number; readonly text?: string | undefined }
  | { readonly damaged: number }

export type Misdeed =
  /** A login is answered by `<failure>`, or by another stanza, and the socket is closed. */
  | {
      readonly what: 'refuse-login'
      readonly reason?: string | undefined
      readonly attrs?: Readonly<Record<string, string>> | undefined
      /** For example `stream:error`, with `reason` as its code. */
      readonly tag?: string | undefined
      /** Tags of the stanza's children. */
      readonly children?: readonly string[] | undefined
      /** The type of a child `<conflict>`. */
      readonly conflict?: string | undefined
    }
  /** Logins and pairings of clients below this version get 405. */
  | { readonly what: 'outdated'; readonly below: string }
  /** Queries of a kind of query-kinds.ts, or `*` for all; `about` is a contact's number. */
  | {
      readonly what: 'query'
      readonly kind: string
      readonly about?: string | undefined
      readonly answer: Answer
    }
  /** Acknowledgements of messages that the device sent to a contact's number or a group. */
  | {
      readonly what: 'ack'
      readonly to?: string | undefined
      readonly answer: Exclude<Answer, { damaged: number }>
      /** Whether the message is taken; by default unless it is refused. */
      readonly taken?: boolean | undefined
    }
  /** Delivery receipts of contacts. */
  | {
      readonly what: 'receipt'
      readonly from?: string | undefined
      readonly answer: 'never' | 'when-lifted' | { readonly afterMs: number }
    }
  | { readonly what: 'not-on-whatsapp'; readonly number: string }
  | { readonly what: 'login-damage'; readonly phase: LoginPhase; readonly damage: DamageOptions }
  | {
      readonly what: 'offline-batch'
      /** Whether messages that arrive while the batch waits are sent at once. */
      readonly liveAtOnce?: boolean | undefined
      readonly holdMs?: number | undefined
      /** The time between two stanzas of the batch. */
      readonly pauseMs?: number | undefined
    }
  /** The socket stays open, but stanzas are neither read nor answered. After the misdeed all of them are, in
   *  order. */
  | { readonly what: 'silence' }

/** `hello`: in place of the server's hello. `handshake`: between handshake and `success`. `success`: in place
 *  of `success`. `opening`: between `success` and the first answer. `offline`: with the offline batch.
 *  `pairing`: before a newcomer gets its QR codes. */
export const LOGIN_PHASES = ['hello', 'handshake', 'success', 'opening', 'offline', 'pairing'] as const
export type LoginPhase = (typeof LOGIN_PHASES)[number]

export type Kind = Misdeed['what']
export type MisdeedOf<K extends Kind> = Extract<Misdeed, { readonly what: K }>

export interface ActiveMisdeed<M extends Misdeed = Misdeed> {
  readonly id: number
  /** An account's jid, or `*`. */
  readonly target: string
  readonly misdeed: M
  /** How often the misdeed is still done; absent when it lasts until it is lifted. */
  left?: number
  used: number
  /** Answers that are sent when the misdeed is lifted. */
  readonly waiting: (() => void)[]
  timer?: Timer
}

/** A misdeed without an end lasts until it is lifted. */
export interface Until {
  /** How often the misdeed is done. */
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
  /** @param target an account's jid or phone number, or `*`
   *  @throws SimulatorError UNKNOWN_ACCOUNT, BAD_REQUEST */
  begin(target: string, misdeed: Misdeed, until?: Until): ActiveMisdeed
  /** @throws SimulatorError UNKNOWN_MISDEED */
  lift(id: number): void
  liftAll(): void
  list(): MisdeedSummary[]
  /** The first misdeed that applies to the account. It is not counted as used. */
  find<K extends Kind>(
    what: K,
    account: Account | undefined,
    meets?: (misdeed: MisdeedOf<K>) => boolean,
  ): ActiveMisdeed<MisdeedOf<K>> | undefined
  /** The same, and counted as used: one of `times` is spent. */
  use<K extends Kind>(
    what: K,
    account: Account | undefined,
    meets?: (misdeed: MisdeedOf<K>) => boolean,
  ): ActiveMisdeed<MisdeedOf<K>> | undefined
  /** `hear` is called when a misdeed begins or ends. */
  onChange(hear: () => void): void
}

/** @param later starts a timer that does not outlive the simulator */
export function makeMisdeeds(accounts: Accounts, later: (ms: number, run: () => void) => Timer): Misdeeds {
  const active = new Map<number, ActiveMisdeed>()
  const listeners: (() => void)[] = []
  let nextId = 1
  const changed = () => {
    for (const hear of listeners) hear()
  }
  const end = (one: ActiveMisdeed) => {
    active.delete(one.id)
    one.timer?.cancel()
    for (const go of one.waiting.splice(0)) go()
    changed()
  }
  const book: Misdeeds = {
    begin(target, misdeed, { times, forMs } = {}) {
      if (active.size >= MISDEEDS_MAX)
        throw new SimulatorError('BAD_REQUEST', `${MISDEEDS_MAX} misdeeds are active`)
      const one: ActiveMisdeed = {
        id: nextId++,
        target: target === EVERYBODY ? EVERYBODY : accounts.find(target).jid,
        misdeed,
        used: 0,
        waiting: [],
        ...(times !== undefined && { left: times }),
      }
      if (forMs !== undefined) one.timer = later(forMs, () => end(one))
      active.set(one.id, one)
      changed()
      return one
    },
    lift(id) {
      const one = active.get(id)
      if (!one) throw new SimulatorError('UNKNOWN_MISDEED', `no misdeed ${id} is active`)
      end(one)
    },
    liftAll() {
      for (const one of [...active.values()]) end(one)
    },
    list: () => [...active.values()].map(({ waiting: _, timer: __, ...summary }) => summary),
    find(what, account, meets = () => true) {
      for (const one of active.values()) {
        const { misdeed, target } = one
        if (one.left === 0 || (target !== EVERYBODY && target !== account?.jid)) continue
        if (misdeed.what === what && meets(misdeed as MisdeedOf<typeof what>))
          return one as ActiveMisdeed<MisdeedOf<typeof what>>
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
