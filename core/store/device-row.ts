/** A device's row: what the operator wants of it, what is, and who owns it. */
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

/** What a person needs to link the device, as long as it is valid. */
export interface Pairing {
  readonly qr?: string
  readonly code?: string
  readonly phoneNumber?: string
  readonly since: number
  readonly expiresAt: number
}

/** An operator's wish for a pairing code; the owner answers with `pairing.code` under the same `requestId`. */
export interface PairingCodeRequest {
  readonly requestId: string
  readonly phoneNumber: string
  readonly at: number
}

export interface Account {
  readonly jid: string
  readonly lid?: string
}

/** The last time at which work of its socket was found unanswered. */
export interface StallFound {
  readonly at: number
  /** Since when the oldest of it waited. */
  readonly since: number
  /** In words. */
  readonly why: string
  /** When it was over: answered after all, or its socket replaced by one that has logged in. */
  readonly endedAt?: number
}

/** Why WhatsApp does not let the device log in for a while. */
export interface Refusal {
  /** WhatsApp's status code. */
  readonly code: number
  /** In words for the operator. */
  readonly why: string
  /** The version of the client that was refused, where another version would be let in. */
  readonly clientVersion?: string
}

/** The server name that this device returns to when a server of that name is there again. */
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
  /** Names the device's present credentials in the auth state. A logout gives it a fresh one in the same write that says
   *  so; what stands under the old one is archived by that, and no later socket reads or writes it. */
  readonly credentialsId: string

  /** Absent means unassigned. */
  readonly owner?: ServerId
  /** Names the claim that made `owner` the owner, so that a claim whose answer was lost can be recognised. */
  readonly claimId?: string
  readonly assignedAt?: number
  readonly home?: Home
  /** Present while the device waits for a server or for its deletion; the key of `byUnassigned`. */
  readonly unassignedShard?: string
  readonly unassignedSince?: number

  /** The owner shall let go; placement then prefers this server, or any other when it is `any`. */
  readonly moveTo?: ServerId | 'any'
  /** Who owned the device when `moveTo` was written: "any" means any other than this one. */
  readonly movedFrom?: ServerId
  /** The operation that wrote `moveTo`, if one did. */
  readonly moveId?: string
  /** Why it is asked to move, in words for its history. */
  readonly moveReason?: string
  /** When it last came to a server because it was asked to move. */
  readonly movedAt?: number
  readonly deleting?: boolean
  /** The import that is writing its credentials: until it has finished nothing may start the device, since it would pair
   *  anew over half of them. */
  readonly importing?: string
  /** The `credentialsId`s of earlier imports that were given up, until what they had stored is removed. */
  readonly abandonedCredentialsIds?: readonly string[]
  /** The owner shall log the device out at WhatsApp and archive its credentials. */
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
  /** When its server will try again, while it backs off. */
  readonly retryAt?: number
  /** No server logs it in before, by WhatsApp's word: kept from owner to owner, until it is over or an operator's `start`
   *  lifts it. See `permit`. */
  readonly refusedUntil?: number
  readonly refusal?: Refusal
  /** Points for the deaths of servers that it may have caused; see core/protocol/suspicion.ts. While it has a socket they include those that
   *  the permit wrote in advance. */
  readonly suspicion?: number
  /** It gets no server until an operator starts it; see core/protocol/suspicion.ts. */
  readonly quarantinedAt?: number
  /** Times of the last conflicts (status 440), newest last. */
  readonly conflicts?: readonly number[]
  readonly stall?: StallFound
}

export type OwnedDevice = DeviceRow & { readonly owner: ServerId }

/** Its server has done for it what can be done without the phone or the operator: it is connected, waits to be linked, its
 *  socket stays closed, or WhatsApp refuses it for a while. */
export function hasSettled({ status, refusedUntil }: Pick<DeviceRow, 'status' | 'refusedUntil'>): boolean {
  if (status === 'disconnected') return refusedUntil !== undefined
  return status !== 'unassigned' && status !== 'assigned' && status !== 'connecting'
}

/** Which partition of `byUnassigned` lists the device: a small stable hash of its id. */
export function unassignedShard(device: DeviceId): string {
  let hash = 0
  for (const character of device) hash = (Math.imul(hash, 31) + character.charCodeAt(0)) >>> 0
  return String(hash % UNASSIGNED_SHARDS)
}

/** Every partition of `byUnassigned`. */
export const UNASSIGNED_SHARD_KEYS = Array.from({ length: UNASSIGNED_SHARDS }, (_, shard) => String(shard))

/** Whether the reason why a device rests also says what is to be done, so that nobody says it twice. */
export function saysToStart(reason: string | undefined): boolean {
  return reason?.includes('start it') ?? false
}
