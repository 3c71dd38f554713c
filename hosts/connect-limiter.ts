/** The one rate limiter that all connects of a server pass, so that a recovery does not stampede. */
import { type Clock, type Mark, sleep } from '../core/clock.ts'

export interface ConnectLimiter {
  /** Waits for its turn. @returns false when `until` was aborted before */
  turn(until: AbortSignal): Promise<boolean>
}

/** A token bucket that holds one second's worth. Time is handed in, which no published limiter allows. */
export function createConnectLimiter(clock: Clock, perSecond: number): ConnectLimiter {
  const burst = Math.max(1, perSecond)
  let tokens = burst
  let filledAt: Mark = clock.mark()
  return {
    async turn(until) {
      const now = clock.mark()
      tokens = Math.min(burst, tokens + (clock.elapsedMs(filledAt) * perSecond) / 1000)
      filledAt = now
      // Taken before the wait: whoever comes next queues behind.
      tokens -= 1
      if (tokens < 0) await sleep(clock, (-tokens * 1000) / perSecond, until)
      if (!until.aborted) return true
      // Given back: devices that are told to look again leave the queue and come back, and its length would only grow.
      tokens += 1
      return false
    },
  }
}
