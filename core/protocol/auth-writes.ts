/** The writes on a device's auth state. Each is ONE conditional write on ONE item, fenced by the epoch of its
 *  socket. After it, no write under a lower epoch succeeds on that item. A host may repeat a write whose
 *  answer was lost, since the condition holds for its own epoch and the item ends up the same. With an
 *  `order`, a request that was given up and is applied seconds later cannot undo a later write of the same
 *  socket. */

import { MooringError } from '../errors.ts'
import type { DeviceId, Epoch } from '../ids.ts'
import { type AuthItem, kindOf } from '../store/auth-item-row.ts'
import { type Store, when } from '../store/store.ts'

const item = when<AuthItem>()
const notNewerThan = (epoch: Epoch, order: number | undefined) => [
  item.any(item.absent('epoch'), item.atMost('epoch', epoch)),
  ...(order === undefined ? [] : [item.any(item.absent('order'), item.atMost('order', order))]),
]

/** A socket makes fewer requests than this. All orders of 8 million epochs are safe integers. */
const ORDERS_PER_EPOCH = 2 ** 30

/** The order of the nth request of the socket with this epoch: higher than any order of an earlier epoch. */
export function orderOf(epoch: Epoch, nth: number): number {
  return epoch * ORDERS_PER_EPOCH + nth
}

/** Reads an item and fences it with this epoch, in the same write. An older holder can then no longer
 *  change what was read. An item that did not exist is created empty.
 *  @returns undefined when the item is empty
 *  @throws MooringError STALE_EPOCH when a newer socket has touched it */
export async function fenceAndRead(
  store: Store,
  device: DeviceId,
  key: string,
  epoch: Epoch,
  order?: number,
): Promise<string | undefined> {
  const fenced = await store.update(
    'AuthState',
    { deviceId: device, key },
    {
      set: { epoch, order },
      // TTL would delete a tombstone, and with it the fence that this write puts on it.
      remove: ['expiresAt'],
      when: notNewerThan(epoch, order),
    },
  )
  if (!fenced) throw stale(device, key, epoch)
  return fenced.value
}

/** Replaces an item's value. A tombstone becomes an item again.
 *  @throws MooringError STALE_EPOCH when a newer socket has touched it */
export async function writeAuth(
  store: Store,
  device: DeviceId,
  key: string,
  epoch: Epoch,
  value: string,
  order?: number,
): Promise<void> {
  const row = { deviceId: device, key, epoch, value, ...(order === undefined ? {} : { order }) }
  const written = await store.put('AuthState', row, notNewerThan(epoch, order))
  if (!written) throw stale(device, key, epoch)
}

/** Writes an item that must not have a value yet, because the value may be the only key to other items.
 *  @returns false when it has a value, or a newer socket has touched it. Read the item to know which */
export function createAuth(
  store: Store,
  device: DeviceId,
  key: string,
  epoch: Epoch,
  value: string,
  order: number,
): Promise<boolean> {
  const row = { deviceId: device, key, epoch, value, order }
  return store.put('AuthState', row, [...notNewerThan(epoch, order), item.absent('value')])
}

/** Deletes an item's value. The fence remains, until TTL removes it.
 *  @param expiresAt in seconds since 1970; no older holder may be alive by then
 *  @throws MooringError STALE_EPOCH when a newer socket has touched it */
export async function tombstone(
  store: Store,
  device: DeviceId,
  key: string,
  epoch: Epoch,
  expiresAt: number,
  order?: number,
): Promise<void> {
  const row = { deviceId: device, key, epoch, expiresAt, ...(order === undefined ? {} : { order }) }
  const deleted = await store.put('AuthState', row, notNewerThan(epoch, order))
  if (!deleted) throw stale(device, key, epoch)
}

function stale(device: DeviceId, key: string, epoch: Epoch): MooringError {
  const kind = kindOf(key)
  return new MooringError(
    'STALE_EPOCH',
    `device "${device}" has a socket newer than epoch ${epoch}: its ${kind} may not be touched any more`,
    { kind, epoch },
  )
}
