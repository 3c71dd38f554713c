/** Tries again what failed for a reason that may pass. */
import { type Clock, sleep } from '../../core/clock.ts'
import { isMooringError } from '../../core/errors.ts'

export interface Patience {
  readonly triesMax: number
  readonly againAfterMs: number
}

/** @throws what the last try threw; a refusal of Mooring's own at once, since it does not pass */
export async function retry<Result>(
  work: () => Promise<Result>,
  clock: Clock,
  { triesMax, againAfterMs }: Patience,
  stop?: AbortSignal,
): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (error) {
      if (isMooringError(error) || tries >= triesMax) throw error
      await sleep(clock, againAfterMs, stop)
    }
  }
}
