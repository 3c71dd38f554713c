/** What the fleet keeps of itself: how the rebalancing stands, and what moved within a minute. */
import type { ChurnMetric } from '../catalogue.ts'
import type { DeviceId, ServerId } from '../ids.ts'

export type ChurnCounts = { readonly [M in ChurnMetric]?: number }

export const REBALANCING_STATES = ['paused', 'balanced', 'moving', 'waiting'] as const

export type RebalancingState = (typeof REBALANCING_STATES)[number]

/** A device on its way. */
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
  /** Moves within ten minutes, at most. */
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
