/** Time. Every part gets its clock from outside, so that a simulation can run the same code in virtual
 *  time. */
import { uptime } from 'node:os'

/** A point on this machine's own clocks. It can be compared only with marks of the same machine. */
export interface Mark {
  readonly monotonicMs: number
  readonly bootMs: number
}

export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Time of day in ms since 1970: for people and TTLs. No decision about ownership may use it. */
  wallMs(): number
  mark(): Mark
  /** Ms since `since`, by the one of the two clocks that has advanced further. */
  elapsedMs(since: Mark): number
  startTimer(afterMs: number, run: () => void): Timer
}

/** When a row expires, as DynamoDB's TTL wants it.
 *  @param nowMs wall-clock ms since 1970
 *  @returns seconds since 1970 */
export function expiresInSeconds(nowMs: number, keptSeconds: number): number {
  return Math.floor(nowMs / 1000) + keptSeconds
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  // The monotonic clock stops while the machine is suspended. The boot-time clock goes on.
  mark: () => ({ monotonicMs: performance.now(), bootMs: uptime() * 1000 }),
  elapsedMs(since) {
    const now = this.mark()
    return Math.max(now.monotonicMs - since.monotonicMs, now.bootMs - since.bootMs)
  },
  startTimer(afterMs, run) {
    const timer = setTimeout(run, afterMs)
    return { cancel: () => clearTimeout(timer) }
  },
}

/** Resolves after `ms`, or at once when `until` is aborted. It never rejects, so the caller looks at
 *  `until` itself. */
export function sleep(clock: Clock, ms: number, until?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (until?.aborted) return resolve()
    const wake = () => {
      timer.cancel()
      until?.removeEventListener('abort', wake)
      resolve()
    }
    const timer = clock.startTimer(ms, wake)
    until?.addEventListener('abort', wake)
  })
}
