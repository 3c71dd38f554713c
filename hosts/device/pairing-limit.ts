/** How long a device waits to be linked before its server gives up. A device that nobody links would open
 *  sockets for ever. */
import type { Clock, Mark } from '../../core/clock.ts'

const MINUTE_MS = 60_000

/** Each device of a server has one. It goes on counting from socket to socket. */
export interface PairingLimit {
  /** The time counts from the first call, which comes with the first QR. */
  remainingMs(): number
  /** A person has requested a code: the time begins again. */
  restart(): void
  /** The reason for the operator when the time is over. */
  readonly why: string
}

export function createPairingLimit(clock: Clock, timeoutMs: number): PairingLimit {
  let since: Mark | undefined
  const within =
    timeoutMs < MINUTE_MS ? `${timeoutMs / 1000} s` : `${Math.round(timeoutMs / MINUTE_MS)} minutes`
  return {
    remainingMs() {
      since ??= clock.mark()
      return Math.max(0, timeoutMs - clock.elapsedMs(since))
    },
    restart() {
      since = clock.mark()
    },
    why: `nobody linked it within ${within}; start it to try again`,
  }
}
