/** The items of one device's auth state under one epoch. The first access of each is a fencing read or a write, both of
 *  which shut out older epochs; from then on the cache answers, since nobody else can have written since. */
import { kindOf } from '../../core/auth-item.ts'
import { fenceAndRead, orderOf, tombstone, writeAuth } from '../../core/auth-writes.ts'
import type { Clock } from '../../core/clock.ts'
import { isMooringError, MooringError } from '../../core/errors.ts'
import type { DeviceId, Epoch } from '../../core/ids.ts'
import type { Store } from '../../core/store.ts'
import { recentlyUsed } from './recently-used.ts'
import { createTurns } from './turns.ts'

/** Some 200 sessions and all pre-keys; 400 devices fill at most 200 MB with it. */
const CACHED_CHARACTERS_MAX = 500_000
/** A tombstone has to outlive every process that could still write under an older epoch. */
const TOMBSTONE_KEPT_SECONDS = 7 * 86_400

export interface ItemsOptions {
  readonly store: Store
  readonly clock: Clock
  readonly device: DeviceId
  readonly epoch: Epoch
  /** Whether this server's lease is valid: asked right before each request. */
  readonly mayWrite: () => boolean
  /** Called once, when a newer epoch is found on an item. From then on every access is refused. */
  readonly onStale: (refusal: MooringError) => void
}

export interface AuthItems {
  /** @returns undefined when the item is empty, deleted or was never there */
  read(key: string): Promise<string | undefined>
  /** Replaces the value by what `to` makes of it; undefined deletes it. No other access comes in between. */
  change(key: string, to: (value: string | undefined) => string | undefined): Promise<void>
  write(key: string, value: string): Promise<void>
  remove(key: string): Promise<void>
  /** Refuses every access from now on. */
  close(): void
}

export function openItems({ store, clock, device, epoch, mayWrite, onStale }: ItemsOptions): AuthItems {
  const cache = recentlyUsed(CACHED_CHARACTERS_MAX)
  const turns = createTurns()
  let sent = 0
  let closed = false
  let refusal: MooringError | undefined

  const assertHeld = (key: string) => {
    if (refusal) throw refusal
    if (closed)
      throw new MooringError('AUTH_STATE_CLOSED', `the auth state of ${device} was closed`, { epoch })
    if (mayWrite()) return
    const kind = kindOf(key)
    throw new MooringError('LEASE_OVER', `outside the lease, the ${kind} of ${device} may not be touched`, {
      kind,
      epoch,
    })
  }

  async function request<Result>(key: string, send: (order: number) => Promise<Result>): Promise<Result> {
    assertHeld(key)
    try {
      // Requests on one item follow one another, so that only one that was given up can come too late for its order.
      sent += 1
      return await send(orderOf(epoch, sent))
    } catch (error) {
      // an unanswered write may have been applied or not: only the store knows what the item holds
      cache.forget(key)
      if (isMooringError(error, 'STALE_EPOCH') && !refusal) {
        refusal = error
        cache.clear()
        onStale(error)
      }
      throw error
    }
  }

  async function read(key: string): Promise<string | undefined> {
    assertHeld(key)
    const cached = cache.get(key)
    if (cached) return cached.value
    const value = await request(key, (order) => fenceAndRead(store, device, key, epoch, order))
    cache.keep(key, value)
    return value
  }

  async function replace(key: string, value: string | undefined): Promise<void> {
    const expiresAt = Math.floor(clock.wallMs() / 1000) + TOMBSTONE_KEPT_SECONDS
    await request(key, (order) =>
      value === undefined
        ? tombstone(store, device, key, epoch, expiresAt, order)
        : writeAuth(store, device, key, epoch, value, order),
    )
    cache.keep(key, value)
  }

  return {
    read: (key) => turns.take(key, () => read(key)),
    change: (key, to) =>
      turns.take(key, async () => {
        const before = await read(key)
        const after = to(before)
        if (after !== before) await replace(key, after)
      }),
    write: (key, value) => turns.take(key, () => replace(key, value)),
    remove: (key) => turns.take(key, () => replace(key, undefined)),
    close() {
      closed = true
      cache.clear()
    },
  }
}
