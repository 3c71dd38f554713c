/** A device's row: what the operator wants of the device, how it is, and which server owns it. */
import type { DeviceId, Epoch, ServerId } from '../ids.ts'
import { UNASSIGNED_SHARDS } from './tables.ts'

export const DEVICE_STATUSES = [
  'unassigned',
  'assigned',
  'pairing',
  'connecting',
  'connected',
  'disconnected',
  'conflicted',
  'quarantined',
  'logged_out',
  'stopped',
] as const
export type DeviceStatus = (typeof DEVICE_STATUSES)[number]
export type Desired = 'running' | 'stopped'

/** The QR or the pairing code with which a person links the device. */
export interface Pairing {
  readonly qr?: string
  readonly code?: string
  readonly phoneNumber?: string
  readonly since: number
  readonly expiresAt: number
}

/** A request for a pairing code. The owner answers it with `pairing.code` under the same `requestId`. */
export interface PairingCodeRequest {
  readonly requestId: string
  readonly phoneNumber: string
  readonly at: number
}

export interface Account {
  readonly jid: string
  readonly lid?: string
}

/** The last stall of the device. */
export interface StallFound {
  /** When it was found. */
  readonly at: number
  /** Since when the oldest work had waited. */
  readonly since: number
  /** In words. */
  readonly why: string
  /** When it was over: WhatsApp has answered after all, or another socket has logged in. */
  readonly endedAt?: number
}

/** Why WhatsApp refuses the device's logins for a while. */
export interface Refusal {
  /** WhatsApp's status code. */
  readonly code: number
  /** In words for the operator. */
  readonly why: string
  /** The version of the client that was refused, if WhatsApp would accept another version. */
  readonly clientVersion?: string
}

/** The server name to which the device returns when a server of that name is there again. */
export interface Home {
  readonly name: string
  readonly since: number
}

/** Times are wall-clock ms since 1970, for people; no decision about ownership reads them. */
export interface DeviceRow {
  readonly deviceId: DeviceId
  readonly name: string
  readonly desired: Desired
  readonly status: DeviceStatus
  /** Why the status is what it is, in words for the operator. */
  readonly statusReason?: string
  readonly epoch: Epoch
  readonly createdAt: number
  readonly updatedAt: number
  /** Names the device's present credentials in the auth state. The write that tells of a logout also gives
   *  the device a new one. That archives the items under the old one: no later socket reads or writes
   *  them. */
  readonly credentialsId: string

  /** Absent means unassigned. */
  readonly owner?: ServerId
  /** Names the claim that made `owner` the owner. A caller whose answer was lost recognises its claim by
   *  it. */
  readonly claimId?: string
  readonly assignedAt?: number
  readonly home?: Home
  /** The key of `byUnassigned`. Present while the device waits for a server or for its deletion. */
  readonly unassignedShard?: string
  readonly unassignedSince?: number

  /** Asks the owner to release the device. Placement then prefers this server, or takes any other for
   *  `any`. */
  readonly moveTo?: ServerId | 'any'
  /** The owner when `moveTo` was written. `any` means any server but this one. */
  readonly movedFrom?: ServerId
  /** The operation that wrote `moveTo`, if one did. */
  readonly moveId?: string
  /** Why the device is asked to move, in words for its history. */
  readonly moveReason?: string
  /** When the device last came to a server because it was asked to move. */
  readonly movedAt?: number
  readonly deleting?: boolean
  /** The import that is writing its credentials. Until it has finished nothing may start the device, since
   *  the device would pair again over a part of them. */
  readonly importing?: string
  /** The `credentialsId`s of abandoned imports, until the items that those stored are deleted. */
  readonly abandonedCredentialsIds?: readonly string[]
  /** The import run that has brought, or is about to bring, its present credentials. */
  readonly importBatch?: string
  /** The epoch at which that import ended. While the device still has it, no server was ever permitted to
   *  connect these credentials. */
  readonly importEpoch?: Epoch
  /** The device was registered before its import. Undoing the import leaves it registered. */
  readonly importedOver?: true
  /** Asks the owner to log the device out at WhatsApp and to archive its credentials. */
  readonly logout?: boolean
  /** Raised by each restart that an operator asks for. */
  readonly restarts?: number

  readonly pairingCodeRequest?: PairingCodeRequest
  readonly pairing?: Pairing
  readonly pairingRequestId?: string
  readonly pairedAt?: number
  readonly account?: Account

  readonly connectedAt?: number
  readonly disconnectedAt?: number
  /** When its server connects it again, while the server backs off. */
  readonly retryAt?: number
  /** Until this time WhatsApp refuses its logins, so no server connects it. It outlives the owner, until
   *  the time has come or an operator starts the device. See `permit`. */
  readonly refusedUntil?: number
  readonly refusal?: Refusal
  /** Points for the deaths of servers that the device may have caused; see core/protocol/suspicion.ts.
   *  While it has a socket they include the points that the permit wrote in advance. */
  readonly suspicion?: number
  /** Present while it is quarantined: it gets no server until an operator starts it. */
  readonly quarantinedAt?: number
  /** Times of the last conflicts (status 440), newest last. */
  readonly conflicts?: readonly number[]
  readonly stall?: StallFound
}

export type OwnedDevice = DeviceRow & { readonly owner: ServerId }

/** Whether its server can do no more without the phone or the operator. The device is connected or waits
 *  to be linked, its socket stays closed, or WhatsApp refuses it for a while. */
export function hasSettled({ status, refusedUntil }: Pick<DeviceRow, 'status' | 'refusedUntil'>): boolean {
  if (status === 'disconnected') return refusedUntil !== undefined
  return status !== 'unassigned' && status !== 'assigned' && status !== 'connecting'
}

/** The partition of `byUnassigned` that lists the device: a small stable hash of its id. */
export function unassignedShard(device: DeviceId): string {
  let hash = 0
  for (const character of device) hash = (Math.imul(hash, 31) + character.charCodeAt(0)) >>> 0
  return String(hash % UNASSIGNED_SHARDS)
}

/** Every partition of `byUnassigned`. */
export const UNASSIGNED_SHARD_KEYS = Array.from({ length: UNASSIGNED_SHARDS }, (_, shard) => String(shard))

/** Whether the reason why a device is stopped already tells the operator to start it, so that no text says
 *  it twice. */
export function saysToStart(reason: string | undefined): boolean {
  return reason?.includes('start it') ?? false
}
