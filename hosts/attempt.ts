/** One socket's life under one epoch: opens it, writes what it tells into the device's row, and says how it ended. */
import { type Mark, sleep, type Timer } from '../core/clock.ts'
import { recordConflict } from '../core/conflicts.ts'
import type { Account, DeviceRow } from '../core/device.ts'
import { isMooringError, MooringError } from '../core/errors.ts'
import type { Permit } from '../core/ownership.ts'
import type { Measures } from '../core/telemetry.ts'
import type { OpenAuthState } from './auth-state/auth-state.ts'
import { recentConflicts } from './disconnect.ts'
import { handOver } from './handing-over.ts'
import type { PairingLimit } from './pairing-limit.ts'
import { createReports, type Reports } from './reports.ts'
import { sendUntilConfirmed } from './sending.ts'
import type { OutgoingText, SocketEvents, WhatsAppSocket } from './whatsapp-socket.ts'
import type { Berth, HostWorld } from './world.ts'

export type Ending =
  | {
      readonly by: 'whatsapp'
      readonly code: number
      readonly reason: string
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
  close(why: 'asked' | 'stale'): void
  /** Closes without waiting for anything. */
  cut(): void
  /** @throws MooringError DEVICE_NOT_CONNECTED | SEND_REFUSED | SEND_UNCONFIRMED */
  send(message: OutgoingText): Promise<void>
  /** Tells WhatsApp to unlink the device, if it can be told. */
  logout(): Promise<void>
  wantsPairingCode(row: DeviceRow): boolean
  answerPairingCode(row: DeviceRow): void
}

/** How an attempt ended, as far as it decides when the next one follows. */
export interface Closed {
  /** 0 when there never was a socket. */
  readonly code: number
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
}

/** A connection that nobody links ends when it has no more QRs: six of them, the first for 60 s, each other for 20 s. An
 *  8-character code ends with it. */
const UNLINKED_MS_MAX = 160_000
/** A person needs this long to type a code; a connection that ends sooner makes way for a new one first. */
const CODE_TYPED_WITHIN_MS = 60_000
/** Auth-state writes under way get this long when a socket has closed; then the next epoch fences them. */
const SETTLE_MS_MAX = 3000
/** The credentials of a pairing that is just over stand nowhere else: a person would have to scan again. Saving them is
 *  tried for as long as the lease allows, so that this only has to be longer. */
const PAIRED_SETTLE_MS_MAX = 30_000
const LOGOUT_MS_MAX = 5000

/** What one socket knows while it lives. */
interface Course {
  readonly world: HostWorld
  readonly berth: Berth
  readonly permitted: Permit
  readonly guidance: Guidance
  readonly reports: Reports
  readonly facts: { deviceId: DeviceRow['deviceId']; serverId: Berth['serverId']; epoch: Permit['epoch'] }
  socket: WhatsAppSocket | undefined
  closing: 'asked' | 'stale' | 'unlinked' | undefined
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

/** @returns undefined when no socket was opened: the lease ended or the wish changed while the credentials were read, or
 *  an abandoned pairing had left them half-made, and they have been set aside */
export async function beginAttempt(
  world: HostWorld,
  berth: Berth,
  permitted: Permit,
  guidance: Guidance,
  pairingLimit: PairingLimit,
): Promise<Attempt | undefined> {
  const course = setOut(world, berth, permitted, guidance, pairingLimit)
  const auth = await openAuth(course)
  const { me, account } = auth.state.creds
  // The row may not have been told.
  course.paired ||= account !== undefined
  // A pairing code sets `me` when it is asked for; `account` comes only with the phone's consent.
  const halfMade = !course.paired && me !== undefined && account === undefined
  if (halfMade) await discard(course)
  // Checked in the same turn of the event loop as the socket is opened: nothing can come in between.
  if (halfMade || course.closing || !guidance.mayOpen() || !berth.lease.isValid()) {
    auth.close()
    return undefined
  }
  const { promise: ended, resolve, reject } = Promise.withResolvers<Ending>()
  const events = listenTo(course, auth, (code, reason) =>
    isClosed(course, auth, code, reason).then(resolve, reject),
  )
  course.socket = world.openSocket({
    device: course.facts.deviceId,
    server: berth.serverId,
    auth,
    mayAct: berth.mayAct,
    events,
  })
  return {
    ended,
    wasOpen: () => course.opened,
    close: (why) => close(course, why),
    cut() {
      course.closing ??= 'asked'
      course.socket?.cut()
    },
    send: (message) => send(course, message),
    logout: () => logout(course),
    wantsPairingCode: ({ pairingCodeRequest }) =>
      !course.paired &&
      pairingCodeRequest !== undefined &&
      pairingCodeRequest.requestId !== course.answeredRequest,
    answerPairingCode: (row) => void answerPairingCode(course, row).catch(failing(course)),
  }
}

function setOut(
  world: HostWorld,
  berth: Berth,
  permitted: Permit,
  guidance: Guidance,
  pairingLimit: PairingLimit,
): Course {
  const course: Course = {
    world,
    berth,
    permitted,
    guidance,
    reports: createReports(world, berth, permitted, () => close(course, 'stale')),
    facts: { deviceId: permitted.row.deviceId, serverId: berth.serverId, epoch: permitted.epoch },
    socket: undefined,
    closing: undefined,
    opened: false,
    paired: permitted.row.pairedAt !== undefined,
    offersQrSince: undefined,
    answeredRequest: undefined,
    pairingLimit,
    givingUp: undefined,
    closed: new AbortController(),
    handingOver: undefined,
  }
  return course
}

async function openAuth(course: Course): Promise<OpenAuthState> {
  const { world, berth, permitted, reports } = course
  try {
    return await world.openAuth({
      device: permitted.row.deviceId,
      credentialsId: permitted.row.credentialsId,
      epoch: permitted.epoch,
      everPaired: course.paired,
      mayWrite: () => berth.lease.isValid(),
      onStale: () => close(course, 'stale'),
    })
  } catch (error) {
    // It is tried again, for ever: credentials that cannot be read now are never given up for fresh ones.
    if (!isMooringError(error, 'STALE_EPOCH') && !isMooringError(error, 'LEASE_OVER')) {
      const retryAt = retryTime(course, {
        code: 0,
        opened: false,
        conflicts: 0,
        discards: false,
        unproven: false,
      })
      await reports.say({ set: { status: 'disconnected', statusReason: whyUnread(error), retryAt } })
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

function listenTo(course: Course, auth: OpenAuthState, closed: SocketEvents['closed']): SocketEvents {
  const failed = failing(course)
  return {
    qr: (qr, validMs) => offersQr(course, qr, validMs),
    paired: (account) => void isPaired(course, auth, account).catch(failed),
    open: (account) => void isOpen(course, auth, account).catch(failed),
    received: (messages) =>
      course.world.telemetry.emit('device.message_received', { ...course.facts, messages }),
    closed,
  }
}

function offersQr(course: Course, qr: string, validMs: number): void {
  const { world, reports, facts } = course
  course.offersQrSince ??= world.clock.mark()
  giveUpInTime(course)
  answerPairingCode(course, reports.row()).catch(failing(course))
  // The person with the phone was given a code: a QR would take its place in the row.
  if (course.answeredRequest !== undefined) return
  const since = world.clock.wallMs()
  const expiresAt = since + Math.min(validMs, course.pairingLimit.remainingMs())
  void reports.say({ set: { status: 'pairing', pairing: { qr, since, expiresAt } } })
  world.telemetry.emit('device.pairing', { ...facts, by: 'qr' })
}

/** Closes the socket when the time to link the device is over. */
function giveUpInTime(course: Course): void {
  const { world, reports, pairingLimit, facts } = course
  course.givingUp?.cancel()
  course.givingUp = world.clock.startTimer(pairingLimit.remainingMs(), () => {
    if (course.paired || course.closing) return
    world.telemetry.emit('device.pairing_timed_out', { ...facts, why: pairingLimit.why })
    void reports.say({ remove: ['pairing', 'pairingCodeRequest'] })
    close(course, 'unlinked')
  })
}

async function answerPairingCode(course: Course, row: DeviceRow): Promise<void> {
  const { world, reports, socket, facts } = course
  const request = row.pairingCodeRequest
  if (!request || !socket || !course.offersQrSince || course.paired) return
  if (request.requestId === course.answeredRequest) return
  const leftMs = UNLINKED_MS_MAX - world.clock.elapsedMs(course.offersQrSince)
  if (leftMs < CODE_TYPED_WITHIN_MS) return close(course, 'asked')
  course.answeredRequest = request.requestId
  course.pairingLimit.restart()
  giveUpInTime(course)
  const { phoneNumber, requestId } = request
  const code = await socket.requestPairingCode(phoneNumber)
  const since = world.clock.wallMs()
  const validMs = Math.min(leftMs, course.pairingLimit.remainingMs())
  const pairing = { code, phoneNumber, since, expiresAt: since + validMs }
  await reports.say({
    set: { status: 'pairing', pairing, pairingRequestId: requestId },
    remove: ['pairingCodeRequest'],
  })
  world.telemetry.emit('device.pairing', { ...facts, by: 'code' })
}

async function isPaired(course: Course, auth: OpenAuthState, account: Account): Promise<void> {
  const { world, reports } = course
  course.paired = true
  // The row may say "paired" only when the credentials are in the store: from then on missing ones are an error.
  await auth.saveCreds()
  await reports.say({
    set: { pairedAt: world.clock.wallMs(), account },
    remove: ['pairing', 'pairingCodeRequest'],
  })
  world.telemetry.emit('device.paired', course.facts)
  await reports.history('paired', 'linked by the phone')
}

async function isOpen(course: Course, auth: OpenAuthState, account: Account): Promise<void> {
  const { world, berth, reports, permitted } = course
  course.opened = true
  course.handingOver ??= handOver(
    { ...world, inbox: auth.inbox, device: course.facts.deviceId, account, failed: failing(course) },
    course.closed.signal,
  )
  // Also when the row does not say so yet: the report of the pairing may still be on its way.
  course.paired = true
  const now = world.clock.wallMs()
  const { pairedAt = now, updatedAt: permittedAt } = permitted.row
  world.telemetry.emit('device.connected', course.facts, {
    ConnectMilliseconds: Math.max(0, now - permittedAt),
    ...withoutSocket(permitted.row, now),
  })
  await reports.say({
    set: { status: 'connected', connectedAt: now, account, pairedAt },
    remove: ['pairing', 'statusReason'],
  })
  await reports.history('connected', `by server ${berth.name}`)
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

async function isClosed(course: Course, auth: OpenAuthState, code: number, reason: string): Promise<Ending> {
  const { world, reports, facts, permitted } = course
  course.givingUp?.cancel()
  course.closed.abort()
  const isNewlyPaired = course.paired && permitted.row.pairedAt === undefined
  const settleMsMax = isNewlyPaired ? PAIRED_SETTLE_MS_MAX : SETTLE_MS_MAX
  // What the consumer is just taking would be handed over twice.
  const settled = Promise.all([course.handingOver, auth.settled().catch(() => undefined)])
  await Promise.race([settled, sleep(world.clock, settleMsMax)])
  auth.close()
  const isExpected = course.closing !== undefined || code === 515
  if (isExpected) world.telemetry.emit('device.closed', { ...facts, code, why: course.closing ?? reason })
  else {
    world.telemetry.emit('device.disconnected', { ...facts, code, why: reason })
    await sayDisconnected(course, code, reason)
  }
  // A refused report may just have shown that the socket was stale.
  if (course.closing === 'unlinked' && course.paired) return { by: 'asked' }
  if (course.closing) return { by: course.closing }
  if (discards(course, code)) {
    await discard(course)
    return { by: 'discarded' }
  }
  return { by: 'whatsapp', code, reason, row: reports.row(), unproven: isUnproven(course) }
}

async function sayDisconnected(course: Course, code: number, reason: string): Promise<void> {
  const { world, berth, reports, facts, opened } = course
  const now = world.clock.wallMs()
  const conflicts = code === 440 ? recentConflicts(reports.row().conflicts, now) : []
  const ending = { discards: discards(course, code), unproven: isUnproven(course) }
  const closed = { code, opened, conflicts: conflicts.length, ...ending }
  await reports.say({
    set: {
      status: 'disconnected',
      statusReason: `closed with ${code} (${reason})`,
      retryAt: retryTime(course, closed),
      ...(opened ? { disconnectedAt: now } : {}),
      ...(code === 440 ? { conflicts } : {}),
    },
    remove: ['pairing'],
  })
  if (code === 440) {
    const { deviceId: device, serverId: server, epoch } = facts
    const conflict = { device, server, serverName: berth.name, epoch }
    await recordConflict(world, conflict).catch(failing(course))
  }
  await reports.history('disconnected', `status ${code}: ${reason}`)
}

/** When the device is tried again, by the time of day: for people. */
function retryTime({ world, guidance }: Course, closed: Closed): number | undefined {
  const afterMs = guidance.retryAfterMs(closed)
  return afterMs === undefined ? undefined : Math.round(world.clock.wallMs() + afterMs)
}

/** WhatsApp refuses credentials that no phone has accepted: an abandoned pairing. */
function discards(course: Course, code: number): boolean {
  return code === 401 && !course.paired
}

function isUnproven({ paired, opened, reports }: Course): boolean {
  const { pairedAt = Number.POSITIVE_INFINITY, connectedAt = 0 } = reports.row()
  return paired && !opened && connectedAt < pairedAt
}

async function discard(course: Course): Promise<void> {
  const { world, reports, facts } = course
  await reports.say({ set: { credentialsId: world.random.id() }, remove: ['pairing', 'pairingCodeRequest'] })
  world.telemetry.emit('device.pairing_discarded', facts)
}

async function send({ world, socket, opened, closed, facts }: Course, message: OutgoingText): Promise<void> {
  if (!opened || !socket || closed.signal.aborted) {
    throw new MooringError('DEVICE_NOT_CONNECTED', `device ${facts.deviceId} has no socket at the moment`)
  }
  await sendUntilConfirmed({ ...world, socket, closed: closed.signal }, message)
  world.telemetry.emit('device.message_sent', { ...facts })
}

async function logout(course: Course): Promise<void> {
  const { world, socket, opened } = course
  if (!opened || !socket) return
  await Promise.race([socket.logout().catch(failing(course)), sleep(world.clock, LOGOUT_MS_MAX)])
}

function close(course: Course, why: 'asked' | 'stale' | 'unlinked'): void {
  course.closing ??= why
  void course.socket?.close()
}

function failing({ world, facts }: Course) {
  return (error: unknown) => world.telemetry.emit('device.failed', { ...facts, error })
}
