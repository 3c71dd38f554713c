/** Says when a stalled socket is replaced: at once the first time, and after a growing wait when its
 *  successors stall, too. Until then the device keeps its socket, which may still do a part of its work. */
import type { Clock, Mark } from '../../core/clock.ts'
import type { Random } from '../../core/random.ts'

const AGAIN_BASE_MS = 30_000
const AGAIN_CAP_MS = 15 * 60_000
/** After this long without a stall the waits start from the beginning. */
const FORGOTTEN_AFTER_MS = 30 * 60_000

export interface Healing {
  mayReplace(): boolean
  replaced(): void
}

export function createHealing(clock: Clock, random: Random): Healing {
  let replacedAt: Mark | undefined
  let times = 0
  let waitMs = 0
  return {
    mayReplace() {
      if (!replacedAt) return true
      if (clock.elapsedMs(replacedAt) > FORGOTTEN_AFTER_MS) times = 0
      return times === 0 || clock.elapsedMs(replacedAt) >= waitMs
    },
    replaced() {
      replacedAt = clock.mark()
      const boundMs = Math.min(AGAIN_CAP_MS, AGAIN_BASE_MS * 2 ** Math.min(times, 30))
      // At least half of the bound: a wait near zero would replace socket after socket.
      waitMs = boundMs * (0.5 + random.fraction() / 2)
      times += 1
    },
  }
}
