/** The rate limiter for all connects of one server, so that the devices of a recovering fleet do not stampede
 *  WhatsApp. */
import type { Clock, Timer } from '../../core/clock.ts'

export interface ConnectLimiter {
  /** Waits for its turn, first come first served. @returns false when `until` was aborted before */
  turn(until: AbortSignal): Promise<boolean>
  /** Sets the rate from now on, also for callers that wait already. */
  setRate(perSecond: number): void
  /** Callers that wait for their turn. */
  waiting(): number
}

/** Tokens saved while idle, in seconds of the rate. With 1.0, an idle fleet would make twice its rate of
 *  connects in the first second of a recovery; 0.25 limits that to 1.25 times. */
const BURST_SECONDS = 0.25

/** The connects that may start at once. With less than one, no connect would ever start. */
export function burstOf(perSecond: number): number {
  return Math.max(1, perSecond * BURST_SECONDS)
}

/** This part of a token may be missing, since rounding takes it away. */
const ROUNDING = 1e-6
/** A timer beyond 2^31 ms overflows, and fires at once. */
const TIMER_MS_MAX = 60_000

/** A token bucket whose rate may change while callers wait. No published limiter takes its time from
 *  outside. */
export function createConnectLimiter(clock: Clock, perSecond: number): ConnectLimiter {
  // Time is always counted from here. The boot-time clock moves in steps: a sum of many short spans would
  // count each twice.
  const begun = clock.mark()
  // In the order in which they came.
  const waiters = new Set<() => void>()
  let rate = perSecond
  let tokens = burstOf(rate)
  let filledAtMs = 0
  let timer: Timer | undefined

  function fill(): void {
    const nowMs = clock.elapsedMs(begun)
    tokens = Math.min(burstOf(rate), tokens + ((nowMs - filledAtMs) * rate) / 1000)
    filledAtMs = nowMs
  }

  function letThrough(): void {
    fill()
    for (const go of waiters) {
      if (tokens < 1 - ROUNDING) break
      tokens -= 1
      waiters.delete(go)
      go()
    }
    timer?.cancel()
    timer = undefined
    if (waiters.size === 0) return
    // Rounded up: a timer that fires on time must find a whole token.
    const waitMs = Math.ceil(((1 - ROUNDING - tokens) * 1000) / rate)
    timer = clock.startTimer(Math.min(Math.max(1, waitMs), TIMER_MS_MAX), letThrough)
  }

  return {
    async turn(until) {
      if (until.aborted) return false
      const mine = Promise.withResolvers<boolean>()
      const go = () => mine.resolve(true)
      const giveUp = () => {
        waiters.delete(go)
        if (waiters.size === 0) timer?.cancel()
        mine.resolve(false)
      }
      until.addEventListener('abort', giveUp)
      waiters.add(go)
      letThrough()
      const isMine = await mine.promise
      until.removeEventListener('abort', giveUp)
      return isMine && !until.aborted
    },
    setRate(perSecondNow) {
      fill()
      rate = perSecondNow
      tokens = Math.min(tokens, burstOf(rate))
      letThrough()
    },
    waiting: () => waiters.size,
  }
}
