/** Lets connections act only under a valid lease. When the lease ends, the gate cuts every socket; it opens
 *  again with the next acknowledged beat. A server without a lease may already be buried, and its devices may
 *  have sockets elsewhere. */
import type { Lease } from '../../core/protocol/lease.ts'

export interface LeaseGate {
  /** Whether the lease is valid. When it is not, every socket is cut before this returns. */
  mayAct(): boolean
  /** Resolves when the lease is valid, or when `until` is aborted. */
  leaseValid(until: AbortSignal): Promise<void>
  /** The lease was renewed: wakes all that wait for it. */
  open(): void
  /** The lease is over: cuts every socket, once until the gate opens. */
  fence(): void
  /** Cuts every socket for another reason than the fence, which then has nothing left to tell. */
  cutAll(): void
}

export interface LeaseGateOptions {
  readonly lease: Pick<Lease, 'isValid'>
  /** Cuts every socket before it returns. */
  readonly cut: () => void
  /** Tells of a fence, after the cut. */
  readonly fenced: () => void
  /** Tells that the gate is open again after a cut. */
  readonly recovered: () => void
}

export function createLeaseGate({ lease, cut, fenced, recovered }: LeaseGateOptions): LeaseGate {
  const waiters = new Set<() => void>()
  let isCut = false

  function cutAll(): void {
    isCut = true
    cut()
  }

  /** Called by the fence's timer, or by the first frame that comes or wants to leave after the lease. */
  function fence(): void {
    if (isCut) return
    cutAll()
    fenced()
  }

  return {
    fence,
    cutAll,
    mayAct() {
      if (lease.isValid()) return true
      fence()
      return false
    },
    leaseValid: (until) =>
      new Promise((resolve) => {
        if (lease.isValid() || until.aborted) return resolve()
        const wake = () => {
          waiters.delete(wake)
          until.removeEventListener('abort', wake)
          resolve()
        }
        waiters.add(wake)
        until.addEventListener('abort', wake)
      }),
    open() {
      if (isCut) recovered()
      isCut = false
      for (const wake of [...waiters]) wake()
    },
  }
}
