/** The history of a device or of the fleet, for people. Every server writes these rows, so no decision may
 *  read them. The rows that hold decisions for the fleet are in fleet-row.ts. */
import type { ChurnMetric } from '../catalogue.ts'
import type { DeviceId, Epoch, ServerId } from '../ids.ts'

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

interface Row {
  readonly deviceId: DeviceId
  /** The sort key of the table. */
  readonly at: string
  /** Seconds since 1970; see tables.ts. */
  readonly expiresAt: number
}

/** An event in the life of a device. `at` is an ISO time, then a random part: rows sort by time and
 *  never collide. */
export interface DeviceEvent extends Row {
  /** Absent: rows with a kind are about the fleet. */
  readonly kind?: undefined
  readonly event: HistoryEvent
  readonly server?: ServerId
  readonly serverName?: string
  readonly epoch?: Epoch
  readonly why: string
}

/** A conflict of any device; see core/telemetry/conflicts.ts. */
export interface ConflictRow extends Row {
  readonly kind: 'conflict'
  readonly event: Extract<HistoryEvent, 'conflicted'>
  readonly device: DeviceId
  readonly server: ServerId
  readonly serverName: string
  /** The epoch of the socket that was closed. */
  readonly epoch: Epoch
  readonly why: string
}

export type ChurnCounts = { readonly [M in ChurnMetric]?: number }

/** The churn of one minute; see core/telemetry/churn.ts. */
export interface ChurnRow extends Row, ChurnCounts {
  readonly kind: 'churn'
}

/** The last look of the sweep; see core/telemetry/sweep-stamp.ts. */
export interface SweepStamp extends Row {
  readonly kind: 'sweep-stamp'
  /** Wall-clock ms since 1970. */
  readonly lookedAt: number
}

export type HistoryRow = DeviceEvent | ConflictRow | ChurnRow | SweepStamp

/** The `deviceId` of the fleet's own rows. No device can have this id. */
export const FLEET = '_fleet' as DeviceId
