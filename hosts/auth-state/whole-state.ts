/** Writes and reads a device's auth state as a whole, for import and export. No server may own the device
 *  meanwhile: it is written before the device can be started, and read while the device is stopped. */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../core/clock.ts'
import { MooringError } from '../../core/errors.ts'
import type { DeviceId, Epoch } from '../../core/ids.ts'
import { credsKey, dataKeysKey, inboxKey, signalKey } from '../../core/store/auth-item-row.ts'
import { queryAll, type Store } from '../../core/store/store.ts'
import type { Telemetry } from '../../core/telemetry.ts'
import { openDataKeys, readDataKeys } from './data-keys.ts'
import { fencedRequests } from './fenced-requests.ts'
import { openItems, SEALED_BYTES_MAX } from './items.ts'
import { createSealing } from './keys/sealing.ts'
import { DATA_KEY_BYTES, type KeyWrapping } from './keys/wrapping.ts'
import { deserialise, serialise } from './serialise.ts'
import { signalKeys } from './signal-keys.ts'

/** Signal keys by type and id, in the form of BufferJSON. */
export type KeysByType = Record<string, Record<string, unknown>>

export interface WholeState {
  readonly creds: unknown
  readonly keys: KeysByType
}

export interface WholeStateWorld {
  readonly store: Store
  readonly clock: Clock
  readonly wrapping: KeyWrapping
}

export interface Place {
  readonly device: DeviceId
  readonly credentialsId: string
}

const silent: Telemetry = { emit: () => undefined }

/** Writes everything under the device's present epoch. Its next socket gets a higher epoch, which shuts this
 *  writer out.
 *  @throws MooringError DATA_KEY_UNAVAILABLE | AUTH_ITEM_TOO_LARGE | STALE_EPOCH, or what the store threw */
export async function writeWholeState(
  { store, clock, wrapping }: WholeStateWorld,
  { device, credentialsId, epoch }: Place & { readonly epoch: Epoch },
  { creds, keys }: WholeState,
): Promise<void> {
  const requests = fencedRequests({
    store,
    clock,
    device,
    epoch,
    // No lease is needed: no server can own the device.
    mayWrite: () => true,
    onStale: () => undefined,
  })
  const dataKeys = await openDataKeys({
    requests,
    wrapping,
    clock,
    telemetry: silent,
    device,
    credentialsId,
    epoch,
    renewAfterDays: Number.POSITIVE_INFINITY,
  })
  await dataKeys.begin()
  const items = openItems({ requests, sealing: dataKeys.sealing, onFault: () => undefined })
  await signalKeys(items, credentialsId).set(keys)
  await items.write(credsKey(credentialsId), serialise(creds))
}

export interface ReadState extends WholeState {
  /** How many received messages the application has not taken. They are not exported. */
  readonly untaken: number
}

/** Reads every item and fences none.
 *  @throws MooringError CREDENTIALS_UNREADABLE | AUTH_ITEM_UNREADABLE, or what the store threw */
export async function readWholeState(
  { store, wrapping }: Pick<WholeStateWorld, 'store' | 'wrapping'>,
  { device, credentialsId }: Place,
): Promise<ReadState> {
  const mine = { partition: device, sort: { beginsWith: `${credentialsId}/` } }
  const rows = await queryAll(store, 'AuthState', mine)
  const texts = new Map(
    rows.flatMap(({ key, value }) => (value === undefined ? [] : [[key, value] as const])),
  )
  const dataKeys = texts.get(dataKeysKey(credentialsId))
  const sealing = await readDataKeys(wrapping, { deviceId: device, credentialsId }, dataKeys)
  texts.delete(dataKeysKey(credentialsId))

  const take = (key: string): unknown => {
    const text = texts.get(key)
    texts.delete(key)
    return text === undefined ? undefined : deserialise(sealing.open(key, text))
  }
  const creds = take(credsKey(credentialsId))
  if (creds === undefined) {
    throw new MooringError('CREDENTIALS_UNREADABLE', `the credentials of device "${device}" are missing`)
  }
  const inbox = take(inboxKey(credentialsId)) as { readonly kept: readonly unknown[] } | undefined
  const keys: KeysByType = {}
  for (const key of [...texts.keys()]) {
    const [, type = '', ...rest] = key.split('/')
    const id = rest.join('/')
    const value = take(key)
    keys[type] ??= {}
    if (isPack(type, id)) Object.assign(keys[type], value)
    else keys[type][id] = value
  }
  return { creds, keys, untaken: inbox?.kept.length ?? 0 }
}

function isPack(type: string, id: string): boolean {
  return type === 'pre-key' && /^pack-\d+$/.test(id)
}

/** @returns the keys that are too large for an item; a write would refuse them */
export function keysTooLarge(device: DeviceId, keys: KeysByType): { type: string; id: string }[] {
  const number = 1
  const key = randomBytes(DATA_KEY_BYTES)
  const sealing = createSealing(device, { current: () => ({ number, key }), byNumber: () => key })
  return Object.entries(keys).flatMap(([type, byId]) =>
    Object.entries(byId)
      .filter(([id, value]) => {
        const text = serialise(value)
        // sealing never doubles a text
        return (
          Buffer.byteLength(text) > SEALED_BYTES_MAX / 2 &&
          sealing.seal(signalKey('', type, id), text).length > SEALED_BYTES_MAX
        )
      })
      .map(([id]) => ({ type, id })),
  )
}
