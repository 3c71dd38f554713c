/** Tries work again when it fails for a reason that may pass. All callers share this loop, so that
 *  each states only its numbers: how often, with which waits, and what happens at the limit. Which
 *  errors pass, and when trying has become pointless, only the caller can know; it says so by `isFinal` and
 *  `mayTry`. */
import { type Clock, sleep } from './clock.ts'
import { backoffMs, type Random } from './random.ts'

export interface Backoff {
  /** The bound of a wait doubles with each failure, from this on. */
  readonly baseMs: number
  readonly capMs: number
}

/** @returns the wait in ms after the given number of failed tries, with full jitter; the first is below twice
 *  `baseMs` */
export function jittered(random: Random, { baseMs, capMs }: Backoff): (failed: number) => number {
  return (failed) => backoffMs(random, failed, baseMs, capMs)
}

export interface RetryOptions<Result> {
  readonly clock: Clock
  /** How long to wait after this many failed tries. */
  readonly waitMs: (failed: number) => number
  readonly triesMax: number
  /** An error that no further try can change: it is thrown at once. Without this every error may pass. */
  readonly isFinal?: (error: unknown) => boolean
  /** Asked before every try, the first included. On false no further try is made. */
  readonly mayTry?: () => boolean
  /** Ends a wait early. The next try follows at once, unless `mayTry` says no. */
  readonly wake?: AbortSignal
  /** Takes the place of throwing the last error, when the limit is reached or `mayTry` says no.
   *  @param lastError undefined when nothing was tried */
  readonly giveUp?: (why: 'limit' | 'stopped', lastError: unknown) => Result | Promise<Result>
}

/** Makes one try at a time: the next begins when the one before has ended and the wait is over.
 *  @throws what the last try threw, or what `giveUp` throws */
export async function retry<Result>(
  work: () => Promise<Result>,
  { clock, waitMs, triesMax, isFinal, mayTry, wake, giveUp = throwLast }: RetryOptions<Result>,
): Promise<Result> {
  let lastError: unknown
  for (let failed = 0; mayTry?.() ?? true; ) {
    try {
      return await work()
    } catch (error) {
      if (isFinal?.(error)) throw error
      lastError = error
      failed += 1
    }
    if (failed === triesMax) return giveUp('limit', lastError)
    await sleep(clock, waitMs(failed), wake)
  }
  return giveUp('stopped', lastError)
}

function throwLast(_why: unknown, lastError: unknown): never {
  throw lastError
}
