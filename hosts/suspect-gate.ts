/** Suspects of one server connect one at a time: should the server die, no other one may have caused it. Nobody else waits for
 *  them. See core/suspicion.ts. */
import type { Clock } from '../core/clock.ts'
import { WELL_AFTER_MS } from '../core/suspicion.ts'

/** A login takes seconds, and a device is well some seconds after it; the last beat of a server that dies tells that late. */
const ALONE_MS = WELL_AFTER_MS + 20_000

export interface SuspectGate {
  /** Waits until no other suspect of this server is in probation, first come first served.
   *  @returns what ends the probation, which ends by itself after half a minute; undefined when `until` was aborted before */
  enter(until: AbortSignal): Promise<(() => void) | undefined>
}

/** Bounded by the devices of the server: each waits once. */
export function createSuspectGate(clock: Clock): SuspectGate {
  const waiters: (() => void)[] = []
  let isTaken = false

  function leave(): void {
    const next = waiters.shift()
    if (next) next()
    else isTaken = false
  }

  function probation(): () => void {
    let isOver = false
    const end = () => {
      if (isOver) return
      isOver = true
      late.cancel()
      leave()
    }
    const late = clock.startTimer(ALONE_MS, end)
    return end
  }

  return {
    async enter(until) {
      if (until.aborted) return undefined
      if (!isTaken) {
        isTaken = true
        return probation()
      }
      const mine = Promise.withResolvers<boolean>()
      const go = () => mine.resolve(true)
      const giveUp = () => {
        const at = waiters.indexOf(go)
        // Not there: its turn has just come, and goes to the next one.
        if (at >= 0) waiters.splice(at, 1)
        mine.resolve(at < 0)
      }
      waiters.push(go)
      until.addEventListener('abort', giveUp)
      const isMine = await mine.promise
      until.removeEventListener('abort', giveUp)
      if (!isMine) return undefined
      if (!until.aborted) return probation()
      leave()
      return undefined
    },
  }
}
