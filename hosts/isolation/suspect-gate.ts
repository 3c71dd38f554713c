/** Lets the suspects of one server connect one at a time: if the server dies, no other suspect can have
 *  caused it. Devices that are no suspects do not wait. See core/protocol/suspicion.ts. */
import type { Clock } from '../../core/clock.ts'
import { WELL_AFTER_MS } from '../../core/protocol/suspicion.ts'

/** Added to the time after which a device is well: at the death of a server, its last beat tells the age of
 *  each socket. */
const LAST_BEAT_MS_MAX = 3000
/** A login that takes longer no longer holds up the next suspect. */
const LOGIN_MS_MAX = 20_000

export interface Probation {
  /** The suspect has logged in: its probation ends as soon as it is well. */
  loggedIn(): void
  end(): void
}

export interface SuspectGate {
  /** Waits until no other suspect of this server is in probation, first come first served.
   *  @returns the probation, which ends by itself; undefined when `until` was aborted before */
  enter(until: AbortSignal): Promise<Probation | undefined>
}

/** The queue is as long as the server has devices at most: each waits once. */
export function createSuspectGate(clock: Clock): SuspectGate {
  const waiters: (() => void)[] = []
  let isTaken = false

  function leave(): void {
    const next = waiters.shift()
    if (next) next()
    else isTaken = false
  }

  function probation(): Probation {
    let isOver = false
    const end = () => {
      if (isOver) return
      isOver = true
      late.cancel()
      leave()
    }
    let late = clock.startTimer(LOGIN_MS_MAX, end)
    return {
      loggedIn() {
        if (isOver) return
        late.cancel()
        late = clock.startTimer(WELL_AFTER_MS + LAST_BEAT_MS_MAX, end)
      },
      end,
    }
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
        // The suspect has left the queue, since its turn has just come. The turn goes to the next suspect.
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
