/** What happened to each device: who owned it, when, and why it moved. For people; no decision reads it. */

import { type Clock, expiresInSeconds } from '../clock.ts'
import type { DeviceId } from '../ids.ts'
import type { Random } from '../random.ts'
import type { ChurnCounts } from '../store/fleet-row.ts'
import type { HistoryRow } from '../store/history-row.ts'
import type { Page, Store } from '../store/store.ts'

const KEPT_DAYS = 30
const SECONDS_PER_DAY = 86_400

/** What only rows of `_fleet` have. */
type OfTheFleet =
  | 'device'
  | 'lookedAt'
  | 'rebalancing'
  | 'paused'
  | 'version'
  | 'quarantines'
  | keyof ChurnCounts
export type HistoryEntry = Omit<HistoryRow, 'at' | 'expiresAt' | OfTheFleet>

export async function recordHistory(
  world: { store: Store; clock: Clock; random: Random },
  entry: HistoryEntry,
): Promise<void> {
  const nowMs = world.clock.wallMs()
  const at = `${new Date(nowMs).toISOString()}#${world.random.id()}`
  const expiresAt = expiresInSeconds(nowMs, KEPT_DAYS * SECONDS_PER_DAY)
  await world.store.put('History', { ...entry, at, expiresAt })
}

/** The newest entries first. */
export function readHistory(
  store: Store,
  device: DeviceId,
  limit: number,
  after?: Page<HistoryRow>['next'],
): Promise<Page<HistoryRow>> {
  return store.query('History', { partition: device, descending: true, limit, ...(after ? { after } : {}) })
}
