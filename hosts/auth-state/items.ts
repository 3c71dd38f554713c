/** Reads and writes the items of one device's auth state under one epoch. The first access to an item is a
 *  fencing read or a write, and both shut out older epochs. From then on no other socket can have written the
 *  item, so the cache answers. The store gets items sealed, the cache holds them open. */

import { isMooringError, MooringError } from '../../core/errors.ts'
import { kindOf } from '../../core/store/auth-item-row.ts'
import { recentlyUsed } from './cache.ts'
import type { FencedRequests } from './fenced-requests.ts'
import type { Sealing } from './keys/sealing.ts'
import { createTurns } from './turns.ts'

/** Some 200 sessions and all pre-keys. The caches of 400 devices take at most 200 MB. */
const CACHED_CHARACTERS_MAX = 500_000
/** A DynamoDB item holds 400 KB, keys and other attributes included. This leaves 50 KB for those. */
export const SEALED_BYTES_MAX = 350 * 1024
/** Sealing makes a text longer by a third and some bytes, so a text below this fits without a trial. */
const SURELY_FITS_BYTES = SEALED_BYTES_MAX / 2

export interface ItemsOptions {
  readonly requests: FencedRequests
  readonly sealing: Sealing
  /** Called once for each item that does not open or is too large. */
  readonly onFault: (fault: MooringError) => void
}

export interface AuthItems {
  /** @returns undefined when the item is empty, was deleted or never existed
   *  @throws MooringError CREDENTIALS_UNREADABLE | AUTH_ITEM_UNREADABLE when the item does not open */
  read(key: string): Promise<string | undefined>
  /** Replaces the value by the result of `to`; undefined deletes it. No other access comes in between. */
  change(key: string, to: (value: string | undefined) => string | undefined): Promise<void>
  /** @throws MooringError AUTH_ITEM_TOO_LARGE; then nothing was written, and the old value is still stored */
  write(key: string, value: string): Promise<void>
  remove(key: string): Promise<void>
  /** @throws MooringError AUTH_ITEM_TOO_LARGE, as `write` would */
  assertFits(key: string, value: string): void
  /** Refuses every access from now on. */
  close(): void
}

export function openItems({ requests, sealing, onFault }: ItemsOptions): AuthItems {
  const cache = recentlyUsed(CACHED_CHARACTERS_MAX)
  const turns = createTurns()
  const faultsTold = new Set<string>()

  function tellFault(key: string, fault: unknown): void {
    if (!isMooringError(fault) || faultsTold.has(key)) return
    faultsTold.add(key)
    onFault(fault)
  }

  /** Takes an item out of the cache when a request on it fails. */
  async function uncached<Result>(key: string, request: () => Promise<Result>): Promise<Result> {
    try {
      return await request()
    } catch (error) {
      // An unanswered write may have been applied: only the store knows what the item holds.
      cache.forget(key)
      if (isMooringError(error, 'STALE_EPOCH')) cache.clear()
      throw error
    }
  }

  function open(key: string, stored: string | undefined): string | undefined {
    try {
      return stored === undefined ? undefined : sealing.open(key, stored)
    } catch (error) {
      tellFault(key, error)
      throw error
    }
  }

  function seal(key: string, value: string): string {
    const sealed = sealing.seal(key, value)
    const bytes = Buffer.byteLength(sealed)
    if (bytes <= SEALED_BYTES_MAX) return sealed
    const fault = tooLarge(key, bytes)
    tellFault(key, fault)
    throw fault
  }

  async function read(key: string): Promise<string | undefined> {
    requests.assertHeld(key)
    const cached = cache.get(key)
    if (cached) return cached.value
    const value = open(key, await uncached(key, () => requests.read(key)))
    cache.keep(key, value)
    return value
  }

  async function replace(key: string, value: string | undefined): Promise<void> {
    requests.assertHeld(key)
    const sealed = value === undefined ? undefined : seal(key, value)
    await uncached(key, () => (sealed === undefined ? requests.remove(key) : requests.write(key, sealed)))
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
    assertFits(key, value) {
      if (Buffer.byteLength(value) > SURELY_FITS_BYTES) seal(key, value)
    },
    close() {
      requests.close()
      cache.clear()
    },
  }
}

function tooLarge(key: string, bytes: number): MooringError {
  const kind = kindOf(key)
  const message = `a ${kind} of ${bytes} bytes is not stored: an item takes at most ${SEALED_BYTES_MAX}`
  return new MooringError('AUTH_ITEM_TOO_LARGE', message, { kind, bytes })
}
