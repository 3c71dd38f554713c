/** Lists devices by the cheapest path that the filters allow: the index of the status or of
 *  the owner, else the table. */

import type { ServerId } from '../../../core/ids.ts'
import type { DeviceRow, DeviceStatus } from '../../../core/store/device-row.ts'
import { type Condition, type Page, type Store, when } from '../../../core/store/store.ts'
import type { Position } from '../cursor.ts'

/** A filter may drop every row that was read. After this many reads the page ends, and
 *  the caller asks for the next. */
const READS_PER_PAGE_MAX = 10

const device = when<DeviceRow>()

export interface DeviceFilters {
  readonly status?: DeviceStatus | undefined
  readonly owner?: ServerId | undefined
  readonly updatedSinceMs?: number | undefined
}

export async function listDevices(
  store: Store,
  filters: DeviceFilters,
  limit: number,
  after?: Position,
): Promise<Page<DeviceRow>> {
  const rows: DeviceRow[] = []
  let next = after
  for (let reads = 0; reads < READS_PER_PAGE_MAX; reads++) {
    // Reads only as many rows as the page still takes: a row that was read and left out would be lost.
    const page = await readPart(store, filters, limit - rows.length, next)
    rows.push(...page.rows)
    next = page.next
    if (!next || rows.length === limit) break
  }
  return next ? { rows, next } : { rows }
}

function readPart(
  store: Store,
  { status, owner, updatedSinceMs }: DeviceFilters,
  limit: number,
  after: Position | undefined,
): Promise<Page<DeviceRow>> {
  const part = { limit, ...(after ? { after } : {}) }
  const since: Condition<DeviceRow>[] =
    updatedSinceMs === undefined ? [] : [device.atLeast('updatedAt', updatedSinceMs)]
  if (status !== undefined) {
    return store.query('Devices', {
      index: 'byStatus',
      partition: status,
      ...(updatedSinceMs === undefined ? {} : { sort: { from: updatedSinceMs } }),
      ...(owner === undefined ? {} : { filter: [device.equals('owner', owner)] }),
      ...part,
    })
  }
  const filter = since.length ? { filter: since } : {}
  if (owner !== undefined) {
    return store.query('Devices', { index: 'byOwner', partition: owner, ...filter, ...part })
  }
  return store.scan('Devices', { ...filter, ...part })
}
