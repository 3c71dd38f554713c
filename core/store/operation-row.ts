/** An operation's row: the move of a device, a drain or a rolling restart, which all take a while. The row
 *  has everything that the next step needs, so that any sweep can take it after a crash. */
import type { DeviceId, ServerId } from '../ids.ts'
import type { FleetRow } from './fleet-row.ts'

export const OPERATION_STATES = ['running', 'done', 'refused', 'timed_out', 'cancelled'] as const

export type OperationState = (typeof OPERATION_STATES)[number]

export interface Operation {
  readonly operationId: string
  readonly state: OperationState
  /** The key of `byOpen`. Present while the operation runs. */
  readonly open?: 'open'
  /** Raised by each write, so that one of two sweeps wins when both take the same step. */
  readonly version: number
  /** How far it is, in words for the operator. */
  readonly why: string
  /** The id of the API key that asked for it, or `sweep`. */
  readonly askedBy: string
  /** Wall-clock ms since 1970, for people. */
  readonly startedAt: number
  readonly endedAt?: number
  /** Seconds since 1970; see tables.ts. */
  readonly expiresAt: number
}

/** A device on its way to another server. */
export interface Reassign extends Operation {
  readonly kind: 'reassign'
  readonly deviceId: DeviceId
  /** The owner when the move was asked for. Absent when the device had none. */
  readonly from?: ServerId
  /** The claim under which `from` owned the device then. Another `claimId` in the device's row tells that
   *  `from` has released it since. */
  readonly claimId?: string
  readonly to: ServerId | 'any'
}

/** A device that was asked to move and has not yet been seen settled on another server. */
export interface Moving {
  readonly deviceId: DeviceId
  readonly askedAt: number
}

/** A drain: the devices of one server move away, in waves. */
export interface Drain extends Operation {
  readonly kind: 'drain'
  readonly serverId: ServerId
  readonly serverName: string
  /** The server that shall get the devices. Any server when left out. */
  readonly to?: ServerId
  /** Whether the server leaves the fleet when it is empty. */
  readonly thenLeave: boolean
  /** The most devices under way at the same time. */
  readonly atOnce: number
  readonly devicesAtStart: number
  readonly moving: readonly Moving[]
  /** Devices that were asked to move and have left. */
  readonly moved: number
}

export type RestartPhase = 'waiting' | 'draining' | 'stopping' | 'done'

/** A server of a rolling restart, and the server that takes its place. */
export interface RestartStep {
  readonly serverId: ServerId
  readonly name: string
  readonly phase: RestartPhase
  /** Wall-clock ms when its phase began. Absent until its turn has come. */
  readonly since?: number
  readonly replacedBy?: ServerId
  readonly replacedByName?: string
  /** When its task was last asked to stop. */
  readonly stopAskedAt?: number
}

/** The deployment that brings the replacements. */
export interface Deployment {
  /** The service's newest deployment before ours. A newer one tells that the service has accepted ours. */
  readonly before: string
  readonly askedAt: number
  readonly taken: boolean
  /** Until this time the service stops none of the old servers by itself. */
  readonly protectedUntil: number
}

/** A rolling restart: all servers are replaced, one after another. */
export interface Restart extends Operation {
  readonly kind: 'restart'
  readonly steps: readonly RestartStep[]
  /** Absent until the service was asked for a deployment. */
  readonly deployment?: Deployment
  /** This restart continues an earlier one. Set until the first step has checked whether the earlier
   *  deployment is still running. */
  readonly takesUp?: boolean
  /** The id of the API key that asked to stop the restart: no further server is begun. */
  readonly stopAskedBy?: string
}

export type OperationRow = Reassign | Drain | Restart

/** The table holds two sorts of rows: operations, and what the fleet has decided for all its devices. */
export type OperationItem = OperationRow | FleetRow

export function asOperation(item: OperationItem | undefined): OperationRow | undefined {
  return item?.kind === 'reassign' || item?.kind === 'drain' || item?.kind === 'restart' ? item : undefined
}
