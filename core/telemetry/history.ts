/** What happened to each device: who owned it, when, and why it moved. For people; no decision reads it. */

import type { Pause, Standing } from '../balance/ledger.ts'
import type { Clock } from '../clock.ts'
import type { DeviceId, Epoch, ServerId } from '../ids.ts'
import type { Random } from '../random.ts'
import type { Page, Store } from '../store/store.ts'
import type { ChurnCounts } from './churn.ts'

export type HistoryEvent =
  | 'registered'
  | 'assigned'
  | 'released'
  | 'evicted'
  | 'connected'
  | 'disconnected'
  | 'paired'
  | 'conflicted'
  | 'quarantined'
  | 'stalled'
  | 'logged_out'
  | 'stopped'
  | 'requested'

/** Of `_fleet` some rows hold counts by the minute instead of an event: see churn.ts. */
export interface HistoryRow extends ChurnCounts {
  readonly deviceId: DeviceId
  /** ISO time, then a random part: sorts by time and never collides. */
  readonly at: string
  readonly event: HistoryEvent
  readonly server?: ServerId
  readonly serverName?: string
  readonly epoch?: Epoch
  readonly why: string
  readonly expiresAt: number
  /** In a row of `_fleet`: the device that had a conflict; see conflicts.ts. */
  readonly device?: DeviceId
  /** In a row of `_fleet`: when the sweep has looked; see sweep-stamp.ts. */
  readonly lookedAt?: number
  /** In one row of `_fleet`: how the rebalancing stands; see core/balance/ledger.ts. */
  readonly rebalancing?: Standing
  readonly paused?: Pause
  readonly version?: number
  /** In a row of `_fleet`: devices quarantined within one hour; see quarantine-limit.ts. */
  readonly quarantines?: number
}

/** The fleet's own part of the history: no device can have this id. */
export const FLEET = '_fleet' as DeviceId
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
  const expiresAt = Math.floor(nowMs / 1000) + KEPT_DAYS * SECONDS_PER_DAY
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
