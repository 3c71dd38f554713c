/** Opens stored items for tests, with the wrapping key and outside any socket. */

import type { DeviceId } from '../../../core/ids.ts'
import { dataKeysKey } from '../../../core/store/auth-item-row.ts'
import type { Store } from '../../../core/store/store.ts'
import { createSealing, type Sealing } from '../../../hosts/auth-state/keys/sealing.ts'
import type { KeyWrapping } from '../../../hosts/auth-state/keys/wrapping.ts'

interface StoredDataKey {
  readonly number: number
  readonly by: string
  readonly wrapped: string
  readonly madeAt: number
}

/** The stored data keys of these credentials, unwrapped. */
export async function dataKeysOf(
  store: Store,
  device: DeviceId,
  credentialsId: string,
  wrapping: KeyWrapping,
): Promise<(StoredDataKey & { plain: Buffer })[]> {
  const item = await store.get('AuthState', { deviceId: device, key: dataKeysKey(credentialsId) })
  const { keys } = JSON.parse(item?.value ?? '{"keys":[]}') as { keys: StoredDataKey[] }
  return Promise.all(
    keys.map(async (key) => ({
      ...key,
      plain: await wrapping.unwrap(key, { deviceId: device, credentialsId }),
    })),
  )
}

/** @returns undefined when the item is empty */
export async function unsealed(
  store: Store,
  device: DeviceId,
  key: string,
  wrapping: KeyWrapping,
): Promise<string | undefined> {
  const item = await store.get('AuthState', { deviceId: device, key })
  if (item?.value === undefined) return undefined
  const dataKeys = await dataKeysOf(store, device, key.split('/')[0] ?? '', wrapping)
  return openedBy(dataKeys, device).open(key, item.value)
}

/** Opens every item that these data keys have sealed. */
export function openedBy(
  dataKeys: readonly { readonly number: number; readonly plain: Buffer }[],
  device: DeviceId,
): Pick<Sealing, 'open'> {
  return createSealing(device, {
    current: () => {
      throw new Error('a test seals nothing')
    },
    byNumber: (number) => dataKeys.find((one) => one.number === number)?.plain,
  })
}
