/** When a device that lost its socket, or got none, is tried again: exponential backoff with full jitter. */
import type { Clock, Mark } from '../../core/clock.ts'
import { backoffMs, type Random } from '../../core/random.ts'
import type { Backoff } from '../../core/retry.ts'

export const DEFAULT_BACKOFF: Backoff = { baseMs: 1000, capMs: 60_000 }

export interface Retries {
  /** Decides the next wait now, so that the report of what went wrong can tell when the next try is.
   *  @param ms a fixed wait, instead of one that is drawn
   *  @returns the wait, in ms from now */
  plan(ms?: number): number
  /** Draws a wait as `plan` does, whose bound goes on doubling up to `capMs`; it still has to be planned. */
  drawUpTo(capMs: number): number
  /** What is left of the wait that was planned; a new one when none was. */
  left(): number
  /** Whatever was planned is over. */
  forget(): void
  /** The last socket was a good one: the next failure backs off from the start again. */
  wentWell(): void
}

export function createRetries(clock: Clock, random: Random, { baseMs, capMs }: Backoff): Retries {
  let failures = 0
  let planned: { waitMs: number; since: Mark } | undefined
  const drawUpTo = (cap: number) => backoffMs(random, failures++, baseMs, cap)
  const draw = () => drawUpTo(capMs)
  return {
    drawUpTo,
    plan(ms = draw()) {
      planned = { waitMs: ms, since: clock.mark() }
      return ms
    },
    left: () => (planned ? Math.max(0, planned.waitMs - clock.elapsedMs(planned.since)) : draw()),
    forget() {
      planned = undefined
    },
    wentWell() {
      failures = 0
    },
  }
}
