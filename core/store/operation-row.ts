/** What was begun and takes a while: the move of a device, a drain, a rolling restart. */
import type { DeviceId, ServerId } from '../ids.ts'

export const OPERATION_STATES = ['running', 'done', 'refused', 'timed_out', 'cancelled'] as const

export type OperationState = (typeof OPERATION_STATES)[number]

export interface Operation {
  readonly operationId: string
  readonly state: OperationState
  /** Present while it runs; the key of `byOpen`. */
  readonly open?: 'open'
  /** Raised by each write: of two sweeps that take the same step, one wins. */
  readonly version: number
  /** How it stands, in words for the operator. */
  readonly why: string
  /** Who asked for it: the id of an API key, or `sweep`. */
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
  /** Its owner when the move was asked for; absent when it had none. */
  readonly from?: ServerId
  /** The claim under which `from` held it then: under another one it has been let go since. */
  readonly claimId?: string
  readonly to: ServerId | 'any'
}

/** A device that was asked to move and is not yet seen to have settled elsewhere. */
export interface Moving {
  readonly deviceId: DeviceId
  readonly askedAt: number
}

/** A server on its way to having no devices. */
export interface Drain extends Operation {
  readonly kind: 'drain'
  readonly serverId: ServerId
  readonly serverName: string
  /** The server that shall get the devices; any when left out. */
  readonly to?: ServerId
  /** Whether the server leaves the fleet when it is empty. */
  readonly thenLeave: boolean
  /** Devices under way at the same time, at most. */
  readonly atOnce: number
  readonly devicesAtStart: number
  readonly moving: readonly Moving[]
  /** Devices that were asked to move and have left. */
  readonly moved: number
}

export type RestartPhase = 'waiting' | 'draining' | 'stopping' | 'done'

/** One server of a rolling restart, and the server that takes its place. */
export interface RestartStep {
  readonly serverId: ServerId
  readonly name: string
  readonly phase: RestartPhase
  /** Wall-clock ms when its phase began; absent until its turn has come. */
  readonly since?: number
  readonly replacedBy?: ServerId
  readonly replacedByName?: string
  /** When its task was last asked to stop. */
  readonly stopAskedAt?: number
}

/** The deployment that brings the replacements. */
export interface Deployment {
  /** The service's newest deployment before; another one tells that ours was taken. */
  readonly before: string
  readonly askedAt: number
  readonly taken: boolean
  /** Until then the service stops none of the old servers by itself. */
  readonly protectedUntil: number
}

/** All servers, one after another. */
export interface Restart extends Operation {
  readonly kind: 'restart'
  readonly steps: readonly RestartStep[]
  /** Absent until the service was asked for one. */
  readonly deployment?: Deployment
  /** This restart continues an earlier one. Set until the first step has checked whether the earlier deployment
   *  is still running. */
  readonly takesUp?: boolean
  /** The id of the API key that asked to stop the restart: no further server is begun. */
  readonly stopAskedBy?: string
}

export type OperationRow = Reassign | Drain | Restart
