/** Finds devices of a server that meet a condition. The lagging index lists them; their rows confirm it. */

import type { DeviceId, ServerId } from '../ids.ts'
import type { DeviceRow } from '../store/device-row.ts'
import type { Page, Store } from '../store/store.ts'

/** Rows of the index that are read at a time: one page is mostly enough. */
const PAGE_ROWS = 100
/** Rows read consistently beyond the number wanted: some devices that the index lists have left. */
const LISTED_TOO_LONG_MAX = 25

/** @returns up to `wanted` devices, in the order of the index */
export async function findOwned(
  store: Store,
  owner: ServerId,
  wanted: number,
  isFit: (device: DeviceRow) => boolean,
): Promise<DeviceId[]> {
  const readMax = wanted + LISTED_TOO_LONG_MAX
  const listed: DeviceId[] = []
  let after: Page<DeviceRow>['next']
  do {
    const from = after ? { after } : {}
    const query = { index: 'byOwner', partition: owner, limit: PAGE_ROWS, ...from }
    const page = await store.query('Devices', query)
    listed.push(...page.rows.filter(isFit).map(({ deviceId }) => deviceId))
    after = page.next
  } while (after && listed.length < readMax)
  if (listed.length === 0) return []
  const keys = listed.slice(0, readMax).map((deviceId) => ({ deviceId }))
  const rows = await store.getMany('Devices', keys)
  const fit = new Set(rows.filter((row) => row.owner === owner && isFit(row)).map((row) => row.deviceId))
  return listed.filter((deviceId) => fit.has(deviceId)).slice(0, wanted)
}
