/** The history of each device: which server owned it, when, and why it moved. Hosts and Lambdas write it,
 *  the API reads it. For people; no decision reads it. Every server may write any row here, so a server
 *  that was broken into could change the outcome of a decision that did. */

import { type Clock, expiresInSeconds } from '../clock.ts'
import type { DeviceId } from '../ids.ts'
import type { Random } from '../random.ts'
import type { DeviceEvent } from '../store/history-row.ts'
import type { Page, Store } from '../store/store.ts'

const KEPT_DAYS = 30
const SECONDS_PER_DAY = 86_400

export type HistoryEntry = Omit<DeviceEvent, 'kind' | 'at' | 'expiresAt'>

export async function recordHistory(
  world: { store: Store; clock: Clock; random: Random },
  entry: HistoryEntry,
): Promise<void> {
  const nowMs = world.clock.wallMs()
  const at = `${new Date(nowMs).toISOString()}#${world.random.id()}`
  const expiresAt = expiresInSeconds(nowMs, KEPT_DAYS * SECONDS_PER_DAY)
  await world.store.put('History', { ...entry, at, expiresAt })
}

/** The newest events first. */
export async function readHistory(
  store: Store,
  device: DeviceId,
  limit: number,
  after?: Page<DeviceEvent>['next'],
): Promise<Page<DeviceEvent>> {
  const query = { partition: device, descending: true, limit, ...(after ? { after } : {}) }
  const { rows, next } = await store.query('History', query)
  const events = rows.filter((row) => row.kind === undefined)
  return next ? { rows: events, next } : { rows: events }
}
