/** Keeps the state of one socket while it lives. The functions of this file alone change it; attempt.ts and
 *  linking.ts act on it. */
import type { Mark, Timer } from '../../core/clock.ts'
import type { Permit } from '../../core/protocol/ownership.ts'
import type { DeviceRow } from '../../core/store/device-row.ts'
import type { Attributed } from '../isolation/attribution.ts'
import { placeOf, wordsOf } from '../isolation/error-words.ts'
import type { WhatsAppSocket } from '../whatsapp/socket.ts'
import type { HostWorld, ServerContext } from '../world.ts'
import type { FollowUp } from './follow-up.ts'
import type { Closed } from './next-step.ts'
import type { PairingLimit } from './pairing-limit.ts'
import { createReports, type Reports } from './reports.ts'
import type { OpenWay } from './send.ts'

/** The calls that an attempt makes to the connection machine while it lives. */
export interface Guidance {
  mayOpen(): boolean
  /** Decides what follows the close. Called once for each attempt. */
  decide(closed: Closed): FollowUp
  /** From now on the device's messages are sent this way. */
  hasOpened(way: OpenWay): void
  /** Whether a socket that is stalled is closed now, to be replaced. */
  mayReplace(): boolean
}

export type ClosedBy = 'asked' | 'stale' | 'unlinked'

export interface SocketState {
  readonly world: HostWorld
  readonly context: ServerContext
  readonly permitted: Permit
  readonly guidance: Guidance
  readonly reports: Reports
  readonly facts: {
    readonly deviceId: DeviceRow['deviceId']
    readonly serverId: ServerContext['serverId']
    readonly epoch: Permit['epoch']
  }
  readonly pairingLimit: PairingLimit
  readonly socket: WhatsAppSocket | undefined
  /** Why this server closes the socket; undefined while WhatsApp alone may close it. */
  readonly closing: ClosedBy | undefined
  /** The uncaught error that ended the socket, in words. */
  readonly fault: string | undefined
  /** When a frame last came or left. */
  readonly activeAt: Mark
  readonly openedAt: Mark | undefined
  /** A phone has accepted the credentials. */
  readonly paired: boolean
  /** When the first QR came. */
  readonly offersQrSince: Mark | undefined
  /** The request for a pairing code that this socket has answered last. */
  readonly answeredRequest: string | undefined
  readonly givingUp: Timer | undefined
  /** Aborted when the socket is closed. */
  readonly closed: AbortController
  /** Settles when the delivery of messages to the application has ended. */
  readonly delivering: Promise<void> | undefined
}

/** A `SocketState` is assignable to it: the functions of this file can therefore change what is readonly to
 *  all others. */
type Changeable = { -readonly [Name in keyof SocketState]: SocketState[Name] }

export function beginSocketState(
  world: HostWorld,
  context: ServerContext,
  permitted: Permit,
  guidance: Guidance,
  pairingLimit: PairingLimit,
): SocketState {
  const state: SocketState = {
    world,
    context,
    permitted,
    guidance,
    reports: createReports(world, context, permitted, () => close(state, 'stale')),
    facts: { deviceId: permitted.row.deviceId, serverId: context.serverId, epoch: permitted.epoch },
    pairingLimit,
    socket: undefined,
    closing: undefined,
    fault: undefined,
    activeAt: world.clock.mark(),
    openedAt: undefined,
    paired: permitted.row.pairedAt !== undefined,
    offersQrSince: undefined,
    answeredRequest: undefined,
    givingUp: undefined,
    closed: new AbortController(),
    delivering: undefined,
  }
  return state
}

export function hasOpened(state: SocketState): boolean {
  return state.openedAt !== undefined
}

export function noteSocket(state: Changeable, socket: WhatsAppSocket): void {
  state.socket = socket
}

/** A frame came, or is about to leave. */
export function noteFrame(state: Changeable): void {
  state.activeAt = state.world.clock.mark()
}

/** The socket has logged in. WhatsApp accepts no credentials but those that a phone has accepted. */
export function noteOpened(state: Changeable): void {
  state.openedAt ??= state.world.clock.mark()
  state.paired = true
}

export function notePaired(state: Changeable): void {
  state.paired = true
}

export function noteQr(state: Changeable): void {
  state.offersQrSince ??= state.world.clock.mark()
}

export function noteCodeRequest(state: Changeable, requestId: string): void {
  state.answeredRequest = requestId
}

/** Starts to deliver messages to the application; one socket does that once. */
export function startDelivering(state: Changeable, start: () => Promise<void>): void {
  state.delivering ??= start()
}

/** Runs `giveUp` after this time, unless the socket closes first. A later call replaces an earlier one. */
export function giveUpAfter(state: Changeable, afterMs: number, giveUp: () => void): void {
  state.givingUp?.cancel()
  state.givingUp = state.world.clock.startTimer(afterMs, giveUp)
}

export function close(state: Changeable, why: ClosedBy): void {
  state.closing ??= why
  void state.socket?.close()
}

/** Closes without waiting for anything. */
export function cut(state: Changeable): void {
  state.closing ??= 'asked'
  state.socket?.cut()
}

/** The socket is closed: ends all that goes on beside it. */
export function endWork(state: SocketState): void {
  state.givingUp?.cancel()
  state.closed.abort()
}

/** Attributes the socket's work to its device. A fault cuts the socket at once: after an error in the middle
 *  of a frame nothing that follows can be trusted. */
export function attributed(state: Changeable): Attributed {
  const { deviceId, serverId } = state.facts
  return {
    deviceId,
    serverId,
    fault(error) {
      if (!state.socket || state.closed.signal.aborted) return
      state.fault ??= `${wordsOf(error)} (${placeOf(error)})`
      state.socket.cut()
    },
  }
}

export function failing({ world, facts }: SocketState) {
  return (error: unknown) => world.telemetry.emit('device.failed', { ...facts, error })
}
