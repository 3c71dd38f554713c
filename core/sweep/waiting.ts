/** Lists the devices that wait for a server, or for their deletion. */

import type { DeviceId } from '../ids.ts'
import { inParallel } from '../parallel.ts'
import { UNASSIGNED_SHARD_KEYS } from '../store/device-row.ts'
import type { Store } from '../store/store.ts'

/** Devices taken from one shard of the index at one look; the others follow at the next looks. */
const WAITING_PER_SHARD_MAX = 500

export async function listWaiting(store: Store): Promise<DeviceId[]> {
  const pages = await inParallel(UNASSIGNED_SHARD_KEYS, UNASSIGNED_SHARD_KEYS.length, (partition) =>
    store.query('Devices', { index: 'byUnassigned', partition, limit: WAITING_PER_SHARD_MAX }),
  )
  return pages.flatMap((page) => page.rows.map((row) => row.deviceId))
}
