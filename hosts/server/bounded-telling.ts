/** Logs an event that strangers can cause as often as they like. The first is told at once; after it, one
 *  line for each minute says how many there were. So a flood is seen, and does not fill the log. */
import type { Clock, Timer } from '../../core/clock.ts'

const TOLD_EVERY_MS = 60_000

export interface BoundedTelling {
  /** The event happened once more. */
  count(): void
  /** Tells of the events that were not told yet, and ends. */
  close(): void
}

/** @param tell is given the number of events since it was last called */
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
