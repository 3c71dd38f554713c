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
import type { Berth, HostWorld } from '../world.ts'
import { answerPairingCode, isPaired, offersQr } from './linking.ts'
import type { PairingLimit } from './pairing-limit.ts'
import { stallEnded, tellsStalls } from './report-stalls.ts'
import {
  attributed,
  beginCourse,
  type Closed,
  type Course,
  close,
  failing,
  type Guidance,
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
  berth: Berth,
  permitted: Permit,
  guidance: Guidance,
  pairingLimit: PairingLimit,
): Promise<Attempt | undefined> {
  const course = beginCourse(world, berth, permitted, guidance, pairingLimit)
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
  const events = listenTo(course, auth, (code, reason, told = {}) =>
    isClosed(course, auth, { code, reason, told }).then(resolve, reject),
  )
  const whose = attributed(course)
  const socket = runFor(whose, () =>
    world.openSocket({
      device: course.facts.deviceId,
      server: berth.serverId,
      auth,
      mayAct() {
        course.activeAt = world.clock.mark()
        return berth.mayAct()
      },
      events,
    }),
  )
  course.socket = forDevice(whose, socket)
  return {
    ended,
    wasOpen: () => course.opened,
    suspicion: () => suspicionOf(course),
    wasActive: (withinMs) => !course.opened || world.clock.elapsedMs(course.activeAt) <= withinMs,
    fault: whose.fault,
    close: (why) => close(course, why),
    cut() {
      course.closing ??= 'asked'
      course.socket?.cut()
    },
    logout: () => logout(course),
    wantsPairingCode: ({ pairingCodeRequest }) =>
      !course.paired &&
      pairingCodeRequest !== undefined &&
      pairingCodeRequest.requestId !== course.answeredRequest,
    answerPairingCode: (row) => void answerPairingCode(course, row).catch(failing(course)),
  }
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
      const set = { status: 'disconnected', statusReason: whyUnread(error), retryAt } as const
      await reports.say({ set: { ...set, suspicion: suspicionOf(course) } })
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
    ...tellsStalls(course),
    heldUp: (waiting) => course.world.telemetry.emit('device.messages_held_up', { ...course.facts, waiting }),
    closed,
  }
}

async function isOpen(course: Course, auth: OpenAuthState, account: Account): Promise<void> {
  const { world, berth, reports, permitted } = course
  course.opened = true
  course.openedAt ??= world.clock.mark()
  course.guidance.hasOpened({
    socket: { send: (message) => send(course, message) },
    closed: course.closed.signal,
  })
  course.handingOver ??= deliver(
    {
      ...world,
      inbox: auth.inbox,
      device: course.facts.deviceId,
      whoIsWho: whoIsWho(auth, account),
      failed: failing(course),
    },
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
    set: { status: 'connected', connectedAt: now, account, pairedAt, ...stallEnded(reports.row(), now) },
    remove: ['pairing', 'statusReason'],
  })
  await reports.history('connected', `by server "${berth.name}"`)
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

async function isClosed(course: Course, auth: OpenAuthState, told: Closing): Promise<Ending> {
  const { world, reports, facts } = course
  const closing = course.fault === undefined ? told : { code: FAULT, reason: course.fault }
  const { code, reason } = closing
  course.givingUp?.cancel()
  course.closed.abort()
  // What the consumer is just taking would be handed over twice.
  const settled = Promise.all([course.handingOver, auth.settled().catch(() => undefined)])
  await Promise.race([settled, sleep(world.clock, SETTLE_MS_MAX)])
  auth.close()
  const isExpected = course.closing !== undefined || code === 515
  if (isExpected) world.telemetry.emit('device.closed', { ...facts, code, why: course.closing ?? reason })
  else {
    const { event } = closeCodeOf(code)
    world.telemetry.emit('device.disconnected', { ...facts, code, why: reason })
    if (event) world.telemetry.emit(event, { ...facts, code, why: wordsOf(closing) })
    await sayDisconnected(course, closing)
  }
  // A refused report may just have shown that the socket was stale.
  if (course.closing === 'unlinked' && course.paired) return { by: 'asked' }
  if (course.closing) return { by: course.closing }
  if (discards(course, code)) {
    await discard(course)
    return { by: 'discarded' }
  }
  return { by: 'whatsapp', code, why: wordsOf(closing), row: reports.row(), unproven: isUnproven(course) }
}

async function sayDisconnected(course: Course, closing: Closing): Promise<void> {
  const { world, berth, reports, facts, opened } = course
  const { code, told } = closing
  const now = world.clock.wallMs()
  const conflicts = code === 440 ? recentConflicts(reports.row().conflicts, now) : []
  const ending = { discards: discards(course, code), unproven: isUnproven(course) }
  const closed = { code, banMs: told?.banMs, opened, conflicts: conflicts.length, ...ending }
  const retryAt = retryTime(course, closed)
  const refused = retryAt === undefined ? undefined : refusedUntil(course, closing, retryAt)
  const why = refused?.refusal.why ?? wordsOf(closing)
  await reports.say({
    set: {
      status: 'disconnected',
      statusReason: isEarly(code, ending) ? `WhatsApp does not know of its pairing yet (${code})` : why,
      retryAt,
      ...refused,
      suspicion: suspicionOf(course),
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
  await reports.history('disconnected', why)
}

/** What no server may undercut, for the codes with which WhatsApp sets a time. */
function refusedUntil({ world }: Course, closing: Closing, retryAt: number) {
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
function retryTime({ world, guidance }: Course, closed: Closed): number | undefined {
  const afterMs = guidance.retryAfterMs(closed)
  return afterMs === undefined ? undefined : Math.round(world.clock.wallMs() + afterMs)
}

function suspicionOf({ world, permitted, openedAt }: Course): number {
  const openMs = openedAt === undefined ? 0 : world.clock.elapsedMs(openedAt)
  return suspicionAfterSocket(permitted.row.suspicion ?? 0, openMs)
}

/** WhatsApp refuses credentials that no phone has accepted: an abandoned pairing. */
function discards(course: Course, code: number): boolean {
  return closeCodeOf(code).follows === 'logged_out' && !course.paired
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

async function send({ world, socket, facts }: Course, message: OutgoingText): Promise<void> {
  await socket?.send(message)
  world.telemetry.emit('device.message_sent', { ...facts })
}

async function logout(course: Course): Promise<void> {
  const { world, socket, opened } = course
  if (!opened || !socket) return
  await Promise.race([socket.logout().catch(failing(course)), sleep(world.clock, LOGOUT_MS_MAX)])
}
