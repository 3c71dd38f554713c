/** The span in which a server may act, measured on its own clock. No I/O: the heartbeat tells the lease
 *  which beats were acknowledged. */
import type { Clock, Mark } from '../clock.ts'
import type { ProtocolSettings } from '../settings.ts'

export interface Lease {
  /** The beat sent at `sentAt` was acknowledged. An acknowledgement of an older beat never shortens the
   *  lease. */
  renew(sentAt: Mark): void
  /** The store refused a beat: the fleet has declared the server dead, and the lease is over for good. */
  revoke(): void
  isValid(): boolean
  /** Ms until the fence; 0 when the lease is over. */
  remainingMs(): number
}

/** A lease counts from the SEND time of the last acknowledged beat. Counting from the answer would be
 *  wrong: the row may have been written up to a lease earlier, and an observer counts from the write. */
export function createLease(clock: Clock, settings: Pick<ProtocolSettings, 'fenceAfterMs'>): Lease {
  let acknowledged: Mark | undefined
  let revoked = false
  const remainingMs = () => {
    if (revoked || acknowledged === undefined) return 0
    return Math.max(0, settings.fenceAfterMs - clock.elapsedMs(acknowledged))
  }
  return {
    renew(sentAt) {
      if (acknowledged === undefined || sentAt.monotonicMs > acknowledged.monotonicMs) acknowledged = sentAt
    },
    revoke() {
      revoked = true
    },
    isValid: () => remainingMs() > 0,
    remainingMs,
  }
}
