/** Sends the requests of one socket on its device's items: within the lease, under the socket's epoch, in a
 *  rising order. The epoch shuts out older sockets, and the order shuts out a request that was given up and
 *  arrives late. */

import { type Clock, expiresInSeconds } from '../../core/clock.ts'
import { isMooringError, MooringError } from '../../core/errors.ts'
import type { DeviceId, Epoch } from '../../core/ids.ts'
import { createAuth, fenceAndRead, orderOf, tombstone, writeAuth } from '../../core/protocol/auth-writes.ts'
import { kindOf } from '../../core/store/auth-item-row.ts'
import type { Store } from '../../core/store/store.ts'

/** A tombstone has to outlive every process that could still write under an older epoch. */
const TOMBSTONE_KEPT_SECONDS = 7 * 86_400

export interface FencedRequestsOptions {
  readonly store: Store
  readonly clock: Clock
  readonly device: DeviceId
  readonly epoch: Epoch
  /** Whether this server's lease is valid. Asked right before each request. */
  readonly mayWrite: () => boolean
  /** Called once, when an item has a newer epoch. From then on every access is refused. */
  readonly onStale: (refusal: MooringError) => void
  /** Called when a request has ended, well or not. */
  readonly onEnded?: () => void
}

/** Every request throws MooringError STALE_EPOCH | LEASE_OVER | AUTH_STATE_CLOSED, or what the store threw.
 *  Requests on one item must follow one another. */
export interface FencedRequests {
  /** A fencing read. @returns undefined when the item is empty, deleted or was never there */
  read(key: string): Promise<string | undefined>
  write(key: string, text: string): Promise<void>
  /** @returns false when the item has a value */
  create(key: string, text: string): Promise<boolean>
  remove(key: string): Promise<void>
  /** @throws the refusal that a request would get */
  assertHeld(key: string): void
  /** Refuses every access from now on. */
  close(): void
}

export function fencedRequests(options: FencedRequestsOptions): FencedRequests {
  const { store, clock, device, epoch, mayWrite, onStale, onEnded } = options
  let sent = 0
  let closed = false
  let refusal: MooringError | undefined

  const assertHeld = (key: string) => {
    if (refusal) throw refusal
    if (closed)
      throw new MooringError('AUTH_STATE_CLOSED', `the auth state of device "${device}" was closed`, {
        epoch,
      })
    if (mayWrite()) return
    const kind = kindOf(key)
    throw new MooringError(
      'LEASE_OVER',
      `outside the lease, the ${kind} of device "${device}" may not be touched`,
      {
        kind,
        epoch,
      },
    )
  }

  async function request<Result>(key: string, send: (order: number) => Promise<Result>): Promise<Result> {
    assertHeld(key)
    try {
      // Requests on one item follow one another, so only a request that was given up can arrive after a
      // higher order.
      sent += 1
      return await send(orderOf(epoch, sent))
    } catch (error) {
      if (isMooringError(error, 'STALE_EPOCH') && !refusal) {
        refusal = error
        onStale(error)
      }
      throw error
    } finally {
      onEnded?.()
    }
  }

  return {
    read: (key) => request(key, (order) => fenceAndRead(store, device, key, epoch, order)),
    write: (key, text) => request(key, (order) => writeAuth(store, device, key, epoch, text, order)),
    create: (key, text) => request(key, (order) => createAuth(store, device, key, epoch, text, order)),
    remove: (key) => {
      const expiresAt = expiresInSeconds(clock.wallMs(), TOMBSTONE_KEPT_SECONDS)
      return request(key, (order) => tombstone(store, device, key, epoch, expiresAt, order))
    },
    assertHeld,
    close() {
      closed = true
    },
  }
}
