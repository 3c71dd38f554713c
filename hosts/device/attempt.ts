/** One socket's life under one epoch: opens it, writes what it tells into the device's row, and says how it ended. */
import { sleep } from '../../core/clock.ts'
import { isMooringError } from '../../core/errors.ts'
import type { Permit } from '../../core/protocol/ownership.ts'
import { suspicionAfterSocket } from '../../core/protocol/suspicion.ts'
import type { Account, DeviceRow } from '../../core/store/device-row.ts'
import { recordConflict } from '../../core/telemetry/conflicts.ts'
import type { Measures } from '../../core/telemetry.ts'
import type { OpenAuthState } from '../auth-state/auth-state.ts'
import { whoIsWho } from '../auth-state/who-is-who.ts'
import { forDevice, runFor } from '../isolation/attribution.ts'
import { deliver } from '../messages/deliver.ts'
import {
  type Closing,
  closeCodeOf,
  FAULT,
  recentConflicts,
  refusalOf,
  wordsOf,
} from '../whatsapp/disconnect.ts'
import type { OutgoingText, SocketEvents } from '../whatsapp/socket.ts'
import type { HostWorld, ServerContext } from '../world.ts'
import { answerPairingCode, offersQr, onPaired } from './linking.ts'
import type { PairingLimit } from './pairing-limit.ts'
import { stallEnded, tellsStalls } from './report-stalls.ts'
import {
  attributed,
  beginSocketState,
  type Closed,
  close,
  failing,
  type Guidance,
  type SocketState,
} from './socket-state.ts'

export type Ending =
  | {
      readonly by: 'whatsapp'
      readonly code: number
      /** In words for the operator. */
      readonly why: string
      readonly row: DeviceRow
      readonly unproven: boolean
    }
  /** This server closed it: the row asks for it, the lease is over, or the server leaves. */
  | { readonly by: 'asked' }
  /** The device has another owner or a newer socket. */
  | { readonly by: 'stale' }
  /** Nobody has linked it for as long as its server waits. */
  | { readonly by: 'unlinked' }
  /** WhatsApp refused credentials that no phone had accepted; they were set aside. */
  | { readonly by: 'discarded' }

export interface Attempt {
  readonly ended: Promise<Ending>
  wasOpen(): boolean
  /** What is held against the device when the socket has ended and its server lives on. */
  suspicion(): number
  /** Whether a frame came or left within this time, or the socket has not logged in yet. */
  wasActive(withinMs: number): boolean
  /** An error that nobody caught, in what this socket runs: ends it. */
  fault(error: unknown): void
  close(why: 'asked' | 'stale'): void
  /** Closes without waiting for anything. */
  cut(): void
  /** Tells WhatsApp to unlink the device, if it can be told. */
  logout(): Promise<void>
  wantsPairingCode(row: DeviceRow): boolean
  answerPairingCode(row: DeviceRow): void
}

/** Auth-state writes under way get this long when a socket has closed; then the next epoch fences them. */
const SETTLE_MS_MAX = 3000
const LOGOUT_MS_MAX = 5000

/** @returns undefined when no socket was opened: the lease ended or the wish changed while the credentials were read, or
 *  an abandoned pairing had left them half-made, and they have been set aside */
export async function beginAttempt(
  world: HostWorld,
  context: ServerContext,
  permitted: Permit,
  guidance: Guidance,
  pairingLimit: PairingLimit,
): Promise<Attempt | undefined> {
  const socketState = beginSocketState(world, context, permitted, guidance, pairingLimit)
  const auth = await openAuth(socketState)
  const { me, account } = auth.state.creds
  // The row may not have been told.
  socketState.paired ||= account !== undefined
  // A pairing code sets `me` when it is asked for; `account` comes only with the phone's consent.
  const halfMade = !socketState.paired && me !== undefined && account === undefined
  if (halfMade) await discard(socketState)
  // Checked in the same turn of the event loop as the socket is opened: nothing can come in between.
  if (halfMade || socketState.closing || !guidance.mayOpen() || !context.lease.isValid()) {
    auth.close()
    return undefined
  }
  const { promise: ended, resolve, reject } = Promise.withResolvers<Ending>()
  const events = listenTo(socketState, auth, (code, reason, told = {}) =>
    onClosed(socketState, auth, { code, reason, told }).then(resolve, reject),
  )
  const whose = attributed(socketState)
  const socket = runFor(whose, () =>
    world.openSocket({
      device: socketState.facts.deviceId,
      server: context.serverId,
      auth,
      mayAct() {
        socketState.activeAt = world.clock.mark()
        return context.mayAct()
      },
      events,
    }),
  )
  socketState.socket = forDevice(whose, socket)
  return {
    ended,
    wasOpen: () => socketState.opened,
    suspicion: () => suspicionOf(socketState),
    wasActive: (withinMs) => !socketState.opened || world.clock.elapsedMs(socketState.activeAt) <= withinMs,
    fault: whose.fault,
    close: (why) => close(socketState, why),
    cut() {
      socketState.closing ??= 'asked'
      socketState.socket?.cut()
    },
    logout: () => logout(socketState),
    wantsPairingCode: ({ pairingCodeRequest }) =>
      !socketState.paired &&
      pairingCodeRequest !== undefined &&
      pairingCodeRequest.requestId !== socketState.answeredRequest,
    answerPairingCode: (row) => void answerPairingCode(socketState, row).catch(failing(socketState)),
  }
}

async function openAuth(socketState: SocketState): Promise<OpenAuthState> {
  const { world, context, permitted, reports } = socketState
  try {
    return await world.openAuth({
      device: permitted.row.deviceId,
      credentialsId: permitted.row.credentialsId,
      epoch: permitted.epoch,
      everPaired: socketState.paired,
      mayWrite: () => context.lease.isValid(),
      onStale: () => close(socketState, 'stale'),
    })
  } catch (error) {
    // It is tried again, for ever: credentials that cannot be read now are never given up for fresh ones.
    if (!isMooringError(error, 'STALE_EPOCH') && !isMooringError(error, 'LEASE_OVER')) {
      const retryAt = retryTime(socketState, {
        code: 0,
        opened: false,
        conflicts: 0,
        discards: false,
        unproven: false,
      })
      const set = { status: 'disconnected', statusReason: whyUnread(error), retryAt } as const
      await reports.say({ set: { ...set, suspicion: suspicionOf(socketState) } })
    }
    throw error
  }
}

function whyUnread(error: unknown): string {
  if (isMooringError(error, 'CREDENTIALS_UNREADABLE'))
    return `its credentials cannot be read: ${error.facts.why ?? error.message}`
  if (isMooringError(error)) return `${error.code}: ${error.message}`
  const why = error instanceof Error ? error.message : String(error)
  return `its credentials cannot be read at the moment: ${why}`
}

function listenTo(
  socketState: SocketState,
  auth: OpenAuthState,
  closed: SocketEvents['closed'],
): SocketEvents {
  const failed = failing(socketState)
  return {
    qr: (qr, validMs) => offersQr(socketState, qr, validMs),
    paired: (account) => void onPaired(socketState, auth, account).catch(failed),
    open: (account) => void onOpen(socketState, auth, account).catch(failed),
    received: (messages) =>
      socketState.world.telemetry.emit('device.message_received', { ...socketState.facts, messages }),
    ...tellsStalls(socketState),
    heldUp: (waiting) =>
      socketState.world.telemetry.emit('device.messages_held_up', { ...socketState.facts, waiting }),
    closed,
  }
}

async function onOpen(socketState: SocketState, auth: OpenAuthState, account: Account): Promise<void> {
  const { world, context, reports, permitted } = socketState
  socketState.opened = true
  socketState.openedAt ??= world.clock.mark()
  socketState.guidance.hasOpened({
    socket: { send: (message) => send(socketState, message) },
    closed: socketState.closed.signal,
  })
  socketState.handingOver ??= handOver(
    {
      ...world,
      inbox: auth.inbox,
      device: socketState.facts.deviceId,
      whoIsWho: whoIsWho(auth, account),
      failed: failing(socketState),
    },
    socketState.closed.signal,
  )
  // Also when the row does not say so yet: the report of the pairing may still be on its way.
  socketState.paired = true
  const now = world.clock.wallMs()
  const { pairedAt = now, updatedAt: permittedAt } = permitted.row
  world.telemetry.emit('device.connected', socketState.facts, {
    ConnectMilliseconds: Math.max(0, now - permittedAt),
    ...withoutSocket(permitted.row, now),
  })
  await reports.say({
    set: { status: 'connected', connectedAt: now, account, pairedAt, ...stallEnded(reports.row(), now) },
    remove: ['pairing', 'statusReason'],
  })
  await reports.history('connected', `by server "${context.name}"`)
}

/** How long the device had no socket, if it had one before; and whether that was because it was asked to move. */
function withoutSocket(
  { connectedAt, disconnectedAt, assignedAt, movedAt }: DeviceRow,
  now: number,
): Measures {
  if (connectedAt === undefined || disconnectedAt === undefined || disconnectedAt < connectedAt) return {}
  const seconds = Math.max(0, now - disconnectedAt) / 1000
  const isMove = movedAt !== undefined && movedAt === assignedAt && disconnectedAt <= movedAt
  return {
    SecondsWithoutSocket: seconds,
    ...(isMove ? { MovesFinished: 1, MoveSeconds: seconds } : {}),
  }
}

async function onClosed(socketState: SocketState, auth: OpenAuthState, told: Closing): Promise<Ending> {
  const { world, reports, facts } = socketState
  const closing = socketState.fault === undefined ? told : { code: FAULT, reason: socketState.fault }
  const { code, reason } = closing
  socketState.givingUp?.cancel()
  socketState.closed.abort()
  // What the consumer is just taking would be handed over twice.
  const settled = Promise.all([socketState.handingOver, auth.settled().catch(() => undefined)])
  await Promise.race([settled, sleep(world.clock, SETTLE_MS_MAX)])
  auth.close()
  const isExpected = socketState.closing !== undefined || code === 515
  if (isExpected)
    world.telemetry.emit('device.closed', { ...facts, code, why: socketState.closing ?? reason })
  else {
    const { event } = closeCodeOf(code)
    world.telemetry.emit('device.disconnected', { ...facts, code, why: reason })
    if (event) world.telemetry.emit(event, { ...facts, code, why: wordsOf(closing) })
    await sayDisconnected(socketState, closing)
  }
  // A refused report may just have shown that the socket was stale.
  if (socketState.closing === 'unlinked' && socketState.paired) return { by: 'asked' }
  if (socketState.closing) return { by: socketState.closing }
  if (discards(socketState, code)) {
    await discard(socketState)
    return { by: 'discarded' }
  }
  return {
    by: 'whatsapp',
    code,
    why: wordsOf(closing),
    row: reports.row(),
    unproven: isUnproven(socketState),
  }
}

async function sayDisconnected(socketState: SocketState, closing: Closing): Promise<void> {
  const { world, context, reports, facts, opened } = socketState
  const { code, told } = closing
  const now = world.clock.wallMs()
  const conflicts = code === 440 ? recentConflicts(reports.row().conflicts, now) : []
  const ending = { discards: discards(socketState, code), unproven: isUnproven(socketState) }
  const closed = { code, banMs: told?.banMs, opened, conflicts: conflicts.length, ...ending }
  const retryAt = retryTime(socketState, closed)
  const refused = retryAt === undefined ? undefined : refusedUntil(socketState, closing, retryAt)
  const why = refused?.refusal.why ?? wordsOf(closing)
  await reports.say({
    set: {
      status: 'disconnected',
      statusReason: isEarly(code, ending) ? `WhatsApp does not know of its pairing yet (${code})` : why,
      retryAt,
      ...refused,
      suspicion: suspicionOf(socketState),
      ...(opened ? { disconnectedAt: now } : {}),
      ...(code === 440 ? { conflicts } : {}),
    },
    remove: ['pairing'],
  })
  if (code === 440) {
    const { deviceId: device, serverId: server, epoch } = facts
    const conflict = { device, server, serverName: context.name, epoch }
    await recordConflict(world, conflict).catch(failing(socketState))
  }
  await reports.history('disconnected', why)
}

/** What no server may undercut, for the codes with which WhatsApp sets a time. */
function refusedUntil({ world }: SocketState, closing: Closing, retryAt: number) {
  const { follows } = closeCodeOf(closing.code)
  if (follows !== 'wait_for_ban' && follows !== 'wait_for_version') return undefined
  const until = follows === 'wait_for_ban' ? new Date(retryAt).toISOString() : undefined
  const refusal = refusalOf(closing.code, wordsOf(closing, until), world.clientVersion)
  return { refusedUntil: retryAt, refusal }
}

function isEarly(code: number, { unproven }: { readonly unproven: boolean }): boolean {
  return unproven && closeCodeOf(code).follows === 'logged_out'
}

/** When the device is tried again, by the time of day: for people. */
function retryTime({ world, guidance }: SocketState, closed: Closed): number | undefined {
  const afterMs = guidance.retryAfterMs(closed)
  return afterMs === undefined ? undefined : Math.round(world.clock.wallMs() + afterMs)
}

function suspicionOf({ world, permitted, openedAt }: SocketState): number {
  const openMs = openedAt === undefined ? 0 : world.clock.elapsedMs(openedAt)
  return suspicionAfterSocket(permitted.row.suspicion ?? 0, openMs)
}

/** WhatsApp refuses credentials that no phone has accepted: an abandoned pairing. */
function discards(socketState: SocketState, code: number): boolean {
  return closeCodeOf(code).follows === 'logged_out' && !socketState.paired
}

function isUnproven({ paired, opened, reports }: SocketState): boolean {
  const { pairedAt = Number.POSITIVE_INFINITY, connectedAt = 0 } = reports.row()
  return paired && !opened && connectedAt < pairedAt
}

async function discard(socketState: SocketState): Promise<void> {
  const { world, reports, facts } = socketState
  await reports.say({ set: { credentialsId: world.random.id() }, remove: ['pairing', 'pairingCodeRequest'] })
  world.telemetry.emit('device.pairing_discarded', facts)
}

async function send({ world, socket, facts }: SocketState, message: OutgoingText): Promise<void> {
  await socket?.send(message)
  world.telemetry.emit('device.message_sent', { ...facts })
}

async function logout(socketState: SocketState): Promise<void> {
  const { world, socket, opened } = socketState
  if (!opened || !socket) return
  await Promise.race([socket.logout().catch(failing(socketState)), sleep(world.clock, LOGOUT_MS_MAX)])
}
