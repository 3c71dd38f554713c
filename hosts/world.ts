/** What a server needs from outside, handed in by main.ts, by a test, or by a simulation. */
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
  /** The same tables without retries: each try of a beat has its own send time. */
  readonly beatStore: Store
  readonly clock: Clock
  readonly random: Random
  readonly telemetry: Telemetry
  readonly settings: ProtocolSettings
  /** How long a device may wait to be linked by a phone. */
  readonly pairingTimeoutMs: number
  /** Of the WhatsApp client that it logs in with; what was refused to another version is tried at once. */
  readonly clientVersion?: string
  readonly openAuth: OpenAuth
  readonly openSocket: OpenSocket
  readonly consumer: Consumer
  /** Asks the control plane to find servers for devices that were let go. Best effort: the sweep finds them, too. */
  requestPlacement(devices: readonly DeviceId[]): Promise<void>
}

/** What the connections of one server share. */
export interface ServerContext {
  readonly serverId: ServerId
  readonly name: string
  readonly lease: Lease
  readonly limiter: ConnectLimiter
  readonly suspects: SuspectGate
  /** Whether the lease is valid. When it is not, the fence is raised before this returns. */
  mayAct(): boolean
  readonly backoff: Backoff
  /** Takes one of the devices above this server's part of the fleet, as far as the last beat's answer told of them: the store
   *  decides, and is asked no more often than that. See core/balance/rebalance.ts. */
  takeSurplus(): boolean
  /** Resolves when the lease is valid, or when `until` is aborted. */
  leaseValid(until: AbortSignal): Promise<void>
}
