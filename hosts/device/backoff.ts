/** Decides when a device that lost its socket, or got none, is tried again: exponential backoff with full
 *  jitter. */
import type { Clock, Mark } from '../../core/clock.ts'
import { backoffMs, type Random } from '../../core/random.ts'
import type { Backoff } from '../../core/retry.ts'

export const DEFAULT_BACKOFF: Backoff = { baseMs: 1000, capMs: 60_000 }

export interface Retries {
  /** Decides the next wait now, so that the report of a failure can tell when the next try is.
   *  @param ms a fixed wait, instead of a drawn one
   *  @returns the wait, in ms from now */
  plan(ms?: number): number
  /** Draws a wait as `plan` does, but with another cap. The wait still has to be planned. */
  drawUpTo(capMs: number): number
  /** @returns the rest of the planned wait, or a new wait when none was planned */
  left(): number
  /** Drops the planned wait. */
  forget(): void
  /** The last socket was a good one, so the next failure backs off from the start again. */
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
