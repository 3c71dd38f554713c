/** Decides when a device that lost its socket, or got none, is tried again: exponential backoff with full
 *  jitter. */
import type { Clock } from '../../core/clock.ts'
import { backoffMs, type Random } from '../../core/random.ts'
import type { Backoff } from '../../core/retry.ts'

export const DEFAULT_BACKOFF: Backoff = { baseMs: 1000, capMs: 60_000 }

/** The waits of one device between tries. */
export interface Retries {
  /** Draws the next wait, in ms, and counts a failure.
   *  @param cap the bound of this wait stops doubling here, instead of at the usual `capMs` */
  draw(cap?: number): number
  /** The last socket was a good one: the next failure backs off from the start again. */
  wentWell(): void
}

export function createRetries(random: Random, { baseMs, capMs }: Backoff): Retries {
  let failures = 0
  return {
    draw: (cap = capMs) => backoffMs(random, failures++, baseMs, cap),
    wentWell() {
      failures = 0
    },
  }
}

/** A wait that has begun. It counts from the decision, since a report has told when it ends, and writing that
 *  report took time. */
export interface Wait {
  readonly ms: number
  leftMs(): number
}

export function beginWait(clock: Clock, ms: number): Wait {
  const since = clock.mark()
  return { ms, leftMs: () => Math.max(0, ms - clock.elapsedMs(since)) }
}
