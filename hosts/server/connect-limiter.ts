/** The one rate limiter that all connects of a server pass, so that a recovery does not stampede. */
import type { Clock, Timer } from '../../core/clock.ts'

export interface ConnectLimiter {
  /** Waits for its turn, first come first served. @returns false when `until` was aborted before */
  turn(until: AbortSignal): Promise<boolean>
  /** From now on this many connects per second, also for those that wait already. */
  setRate(perSecond: number): void
  /** Callers that wait for their turn. */
  waiting(): number
}

/** What is saved up while nobody connects, in seconds of the rate. With a whole second's worth, all servers of a fleet that
 *  rested would let two seconds' worth through in the first second of a recovery: a quarter makes it come in waves. */
const BURST_SECONDS = 0.25

/** Connects that may go at once; at least one, or none ever would. */
export function burstOf(perSecond: number): number {
  return Math.max(1, perSecond * BURST_SECONDS)
}

/** So much of a token may be missing: what rounding takes away. */
const ROUNDING = 1e-6
/** Longer timers overflow, and fire at once. */
const TIMER_MS_MAX = 60_000

/** A token bucket whose rate may change while callers wait. Time is handed in, which no published limiter allows. */
export function createConnectLimiter(clock: Clock, perSecond: number): ConnectLimiter {
  // Always counted from here: the boot-time clock moves in steps, and a sum of many short spans would count each twice.
  const begun = clock.mark()
  // In the order of their coming.
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
    // Rounded up, so that a timer that fires on time never finds the token not yet whole.
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
