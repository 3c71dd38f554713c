/** What one socket knows while it lives; attempt.ts and linking.ts act on it. */
import type { Mark, Timer } from '../../core/clock.ts'
import type { Permit } from '../../core/protocol/ownership.ts'
import type { DeviceRow } from '../../core/store/device-row.ts'
import type { Attributed } from '../isolation/attribution.ts'
import { placeOf, wordsOf } from '../isolation/error-words.ts'
import type { WhatsAppSocket } from '../whatsapp/socket.ts'
import type { HostWorld, ServerContext } from '../world.ts'
import type { PairingLimit } from './pairing-limit.ts'
import { createReports, type Reports } from './reports.ts'
import type { OpenWay } from './send.ts'

/** How an attempt ended, as far as it decides when the next one follows. */
export interface Closed {
  /** 0 when there never was a socket. */
  readonly code: number
  /** How long WhatsApp bans the account, as far as it says so. */
  readonly banMs?: number | undefined
  readonly opened: boolean
  /** Conflicts that still count, this one included. */
  readonly conflicts: number
  /** The credentials are set aside: no phone had accepted them. */
  readonly discards: boolean
  /** A phone has accepted the credentials, and no login with them has succeeded since. */
  readonly unproven: boolean
}

/** What the connection machine is asked while an attempt lives. */
export interface Guidance {
  mayOpen(): boolean
  /** Decides when the next try is. @returns undefined when none follows, or at once */
  retryAfterMs(closed: Closed): number | undefined
  /** What is sent from now on goes this way. */
  hasOpened(way: OpenWay): void
  /** Asked while its socket is stalled: whether it is closed now, to be replaced. */
  mayReplace(): boolean
}

export interface SocketState {
  readonly world: HostWorld
  readonly context: ServerContext
  readonly permitted: Permit
  readonly guidance: Guidance
  readonly reports: Reports
  readonly facts: {
    deviceId: DeviceRow['deviceId']
    serverId: ServerContext['serverId']
    epoch: Permit['epoch']
  }
  socket: WhatsAppSocket | undefined
  closing: 'asked' | 'stale' | 'unlinked' | undefined
  /** The error that ended the socket and that nobody caught, in words. */
  fault: string | undefined
  /** When a frame came or left last. */
  activeAt: Mark
  openedAt: Mark | undefined
  opened: boolean
  paired: boolean
  /** Since the first QR. */
  offersQrSince: Mark | undefined
  answeredRequest: string | undefined
  readonly pairingLimit: PairingLimit
  givingUp: Timer | undefined
  /** Aborted when the socket is closed. */
  readonly closed: AbortController
  handingOver: Promise<void> | undefined
}

export function beginSocketState(
  world: HostWorld,
  context: ServerContext,
  permitted: Permit,
  guidance: Guidance,
  pairingLimit: PairingLimit,
): SocketState {
  const socketState: SocketState = {
    world,
    context,
    permitted,
    guidance,
    reports: createReports(world, context, permitted, () => close(socketState, 'stale')),
    facts: { deviceId: permitted.row.deviceId, serverId: context.serverId, epoch: permitted.epoch },
    socket: undefined,
    closing: undefined,
    fault: undefined,
    activeAt: world.clock.mark(),
    openedAt: undefined,
    opened: false,
    paired: permitted.row.pairedAt !== undefined,
    offersQrSince: undefined,
    answeredRequest: undefined,
    pairingLimit,
    givingUp: undefined,
    closed: new AbortController(),
    handingOver: undefined,
  }
  return socketState
}

export function close(socketState: SocketState, why: 'asked' | 'stale' | 'unlinked'): void {
  socketState.closing ??= why
  void socketState.socket?.close()
}

/** Whose work this socket's work is. A fault cuts the socket at once: after an error in the middle of a frame nothing that
 *  follows can be trusted. */
export function attributed(socketState: SocketState): Attributed {
  const { deviceId, serverId } = socketState.facts
  return {
    deviceId,
    serverId,
    fault(error) {
      if (!socketState.socket || socketState.closed.signal.aborted) return
      socketState.fault ??= `${wordsOf(error)} (${placeOf(error)})`
      socketState.socket.cut()
    },
  }
}

export function failing({ world, facts }: SocketState) {
  return (error: unknown) => world.telemetry.emit('device.failed', { ...facts, error })
}
