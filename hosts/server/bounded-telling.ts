/** Tells of what others can make happen as often as they like: the first time at once, then how often it was, once for each
 *  span in which it happened. So a stranger's flood is seen, and fills no log. */
import type { Clock, Timer } from '../../core/clock.ts'

const TOLD_EVERY_MS = 60_000

export interface BoundedTelling {
  /** It happened once more. */
  count(): void
  /** Tells what was not told yet, and ends. */
  close(): void
}

/** @param tell is given how often it happened since it was last called */
export function boundedTelling(
  clock: Pick<Clock, 'startTimer'>,
  tell: (count: number) => void,
): BoundedTelling {
  let untold = 0
  let timer: Timer | undefined

  function tellAll(): void {
    timer = undefined
    if (untold === 0) return
    const count = untold
    untold = 0
    timer = clock.startTimer(TOLD_EVERY_MS, tellAll)
    tell(count)
  }

  return {
    count() {
      untold += 1
      if (!timer) tellAll()
    },
    close() {
      timer?.cancel()
      tellAll()
      timer?.cancel()
    },
  }
}
