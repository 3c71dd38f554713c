/** What happened, to a device or to the fleet. */
import type { DeviceId, Epoch, ServerId } from '../ids.ts'
import type { ChurnCounts, Pause, RebalancingStatus } from './fleet-row.ts'

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

/** Of `_fleet` some rows hold counts by the minute instead of an event: see core/telemetry/churn.ts. */
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
  /** In a row of `_fleet`: the device that had a conflict; see core/telemetry/conflicts.ts. */
  readonly device?: DeviceId
  /** In a row of `_fleet`: when the sweep has looked; see core/telemetry/sweep-stamp.ts. */
  readonly lookedAt?: number
  /** In one row of `_fleet`: how the rebalancing stands; see core/balance/ledger.ts. */
  readonly rebalancing?: RebalancingStatus
  readonly paused?: Pause
  readonly version?: number
  /** In a row of `_fleet`: devices quarantined within one hour; see core/placement/quarantine-limit.ts. */
  readonly quarantines?: number
}

/** The fleet's own part of the history: no device can have this id. */
export const FLEET = '_fleet' as DeviceId
