/** Decides what follows the close of a socket. For that it remembers what earlier sockets of the device did.
 *  It keeps the failures in a row, how long WhatsApp has refused unproven credentials, and when a stalled
 *  socket was last replaced. */
import type { Clock, Mark } from '../../core/clock.ts'
import type { Random } from '../../core/random.ts'
import type { Backoff } from '../../core/retry.ts'
import { refusedForMs } from '../whatsapp/disconnect.ts'
import { beginWait, createRetries, type Wait } from './backoff.ts'
import { type Closed, isRefusedUnproven, type NextStep, nextStep, type WaitRule } from './next-step.ts'
import { createHealing } from './stall-healing.ts'

/** A socket that stayed open this long was a good one: the next failure backs off from the start again. */
const GOOD_AFTER_MS = 30_000
const CONFLICT_PAUSE_MS = 3000
/** The bound of the waits between tries that WhatsApp refuses, when the refusal seems not to pass. */
const PATIENT_CAP_MS = 1_800_000

/** The decision that was made when a socket closed. */
export interface FollowUp {
  readonly step: NextStep
  /** Until the next try; absent when the next try comes at once, or never. */
  readonly wait?: Wait
}

export interface FollowUps {
  /** Decides what follows a close. To be called once for each: it counts the failure.
   *  @param permittedAt when the permit of the closed socket was asked for */
  decide(closed: Closed, permittedAt: Mark): FollowUp
  /** A socket that had logged in was closed on request. When it was a good one, earlier failures count no
   *  more. */
  noteOpened(permittedAt: Mark): void
  /** The wait, in ms, after a failure that is no close of a socket. */
  backOffMs(): number
  /** Whether a stalled socket may be replaced now. */
  mayReplace(): boolean
}

export interface FollowUpOptions {
  readonly clock: Clock
  readonly random: Random
  readonly backoff: Backoff
  /** Called when a stalled socket is about to be replaced. */
  readonly replacing: () => void
}

export function createFollowUps({ clock, random, backoff, replacing }: FollowUpOptions): FollowUps {
  const retries = createRetries(random, backoff)
  const healing = createHealing(clock, random)
  let unprovenSince: Mark | undefined

  function noteOpened(permittedAt: Mark): void {
    if (clock.elapsedMs(permittedAt) > GOOD_AFTER_MS) retries.wentWell()
  }

  function waitMs(rule: WaitRule, { code, banMs }: Closed): number {
    switch (rule) {
      case 'none':
        return 0
      case 'backoff':
        return retries.draw()
      case 'patient_backoff':
        return retries.draw(Math.max(PATIENT_CAP_MS, backoff.capMs))
      case 'conflict_pause':
        return CONFLICT_PAUSE_MS
      case 'refusal': {
        const refusedMs = refusedForMs(random, code, banMs, () => retries.draw())
        if (refusedMs === undefined) throw new Error(`WhatsApp sets no time by close code ${code}`)
        return refusedMs
      }
    }
  }

  return {
    decide(closed, permittedAt) {
      if (isRefusedUnproven(closed)) unprovenSince ??= clock.mark()
      const step = nextStep(closed, unprovenSince ? clock.elapsedMs(unprovenSince) : 0)
      // The end of a pairing says nothing of how good the socket was.
      if (closed.opened && step.do !== 'reconnect_now') noteOpened(permittedAt)
      if (step.do === 'replace') {
        healing.replaced()
        replacing()
      }
      return 'wait' in step ? { step, wait: beginWait(clock, waitMs(step.wait, closed)) } : { step }
    },
    noteOpened,
    backOffMs: () => retries.draw(),
    mayReplace: healing.mayReplace,
  }
}
