/** The rows with decisions for the whole fleet: the status of rebalancing, the present cool-downs, and the
 *  number of quarantined devices. They are in the Operations table, which no server may touch. A server that
 *  was broken into could otherwise spend the budget of the whole fleet, or scale the service repeatedly. */
import type { DeviceId, ServerId } from '../ids.ts'

export const REBALANCING_STATES = ['paused', 'balanced', 'moving', 'waiting'] as const

export type RebalancingState = (typeof REBALANCING_STATES)[number]

/** A device that rebalancing moves at the moment. */
export interface UnderWay {
  readonly deviceId: DeviceId
  readonly from: ServerId
  readonly to: ServerId
  readonly askedAt: number
}

/** Devices that were asked to move within one minute of the wall clock, counted from 1970. */
export interface Spent {
  readonly minute: number
  readonly moves: number
}

export interface RebalancingStatus {
  readonly state: RebalancingState
  /** In words for the operator. */
  readonly why: string
  readonly bandPercent: number
  /** The most moves within ten minutes. */
  readonly budget: number
  readonly underWay: readonly UnderWay[]
  readonly spent: readonly Spent[]
  /** When servers were last told of a surplus. */
  readonly offeredAt?: number
}

export interface Pause {
  /** The id of an API key. */
  readonly by: string
  readonly at: number
}

/** `fleet#` begins no `operationId` of an operation, and the API takes no id with a `#`. */
type FleetRowId = `fleet#${string}`

/** See core/balance/ledger.ts. It is never deleted. */
export interface RebalancingRow {
  readonly operationId: FleetRowId
  readonly kind: 'rebalancing'
  /** Raised by each write, so that a write on a stale reading is refused. */
  readonly version: number
  /** Absent until a sweep has looked. */
  readonly rebalancing?: RebalancingStatus
  /** Present while an operator has paused it. */
  readonly paused?: Pause
}

/** See core/sweep/cool-down.ts. */
export interface CoolDownRow {
  readonly operationId: FleetRowId
  readonly kind: 'cool-down'
  /** The end of the cool-down, in seconds since 1970. */
  readonly expiresAt: number
}

/** A row for each hour; see core/placement/quarantine-limit.ts. */
export interface QuarantineLimitRow {
  readonly operationId: FleetRowId
  readonly kind: 'quarantine-limit'
  /** Devices quarantined within the hour. */
  readonly quarantines: number
  /** Seconds since 1970; see tables.ts. */
  readonly expiresAt: number
}

/** The import that brings in an account; see core/requests/account-claim.ts. */
export interface AccountClaimRow {
  readonly operationId: FleetRowId
  readonly kind: 'account-claim'
  readonly deviceId: DeviceId
  readonly importId: string
  /** Seconds since 1970; see tables.ts. */
  readonly expiresAt: number
}

export type FleetRow = RebalancingRow | CoolDownRow | QuarantineLimitRow | AccountClaimRow

export function fleetRowId(name: string): FleetRowId {
  return `fleet#${name}`
}
