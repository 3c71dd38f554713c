/**
 * The world of a server: all that its code is handed from outside. main.ts hands in the real parts; tests and
 * the simulation hand in theirs. No code below main.ts may reach for a clock, a store or the environment by
 * another way.
 */
import type { Clock } from '../core/clock.ts'
import type { DeviceId, ServerId } from '../core/ids.ts'
import type { Lease } from '../core/protocol/lease.ts'
import type { Random } from '../core/random.ts'
import type { Backoff } from '../core/retry.ts'
import type { ProtocolSettings } from '../core/settings.ts'
import type { Store } from '../core/store/store.ts'
import type { Telemetry } from '../core/telemetry.ts'
import type { OpenAuth } from './auth-state/auth-state.ts'
import type { SuspectGate } from './isolation/suspect-gate.ts'
import type { Consumer } from './messages/consumer.ts'
import type { ConnectLimiter } from './server/connect-limiter.ts'
import type { OpenSocket } from './whatsapp/socket.ts'

export interface HostWorld {
  readonly store: Store
  /** The same tables without retries: the lease counts from the send time of each try of a beat. */
  readonly beatStore: Store
  readonly clock: Clock
  readonly random: Random
  readonly telemetry: Telemetry
  readonly settings: ProtocolSettings
  /** How long a device may wait to be linked by a phone. */
  readonly pairingTimeoutMs: number
  /** The version of the WhatsApp client that logs in. A refusal of another version does not hold for it. */
  readonly clientVersion?: string
  readonly openAuth: OpenAuth
  readonly openSocket: OpenSocket
  readonly consumer: Consumer
  /** Asks the control plane to place released devices. The request may be lost: the sweep finds the devices
   *  as well. */
  requestPlacement(devices: readonly DeviceId[]): Promise<void>
}

/** The parts that all connections of one server share. */
export interface ServerContext {
  readonly serverId: ServerId
  readonly name: string
  readonly lease: Lease
  readonly limiter: ConnectLimiter
  readonly suspects: SuspectGate
  /** Whether the lease is valid. When it is not, every socket is cut before this returns. */
  mayAct(): boolean
  readonly backoff: Backoff
  /** Whether the last beat's answer left a device of the surplus to take. The store decides, but it is asked
   *  no more often than this says. See core/balance/rebalance.ts. */
  takeSurplus(): boolean
  /** Resolves when the lease is valid, or when `until` is aborted. */
  leaseValid(until: AbortSignal): Promise<void>
}
