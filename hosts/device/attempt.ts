/** Opens one socket under one epoch, writes what it tells into the device's row, and says how it ended. */
import { sleep } from '../../core/clock.ts'
import { isMooringError } from '../../core/errors.ts'
import type { Permit } from '../../core/protocol/ownership.ts'
import type { Account, DeviceRow } from '../../core/store/device-row.ts'
import type { Measures } from '../../core/telemetry.ts'
import type { OpenAuthState } from '../auth-state/auth-state.ts'
import { whoIsWho } from '../auth-state/who-is-who.ts'
import { forDevice, runFor } from '../isolation/attribution.ts'
import { deliver } from '../messages/deliver.ts'
import { type Closing, FAULT, wordsOf } from '../whatsapp/disconnect.ts'
import type { OutgoingText, SocketEvents } from '../whatsapp/socket.ts'
import type { HostWorld, ServerContext } from '../world.ts'
import type { FollowUp } from './follow-up.ts'
import { answerPairingCode, offersQr, onPaired } from './linking.ts'
import type { PairingLimit } from './pairing-limit.ts'
import { classify, reportClosed, reportUnreadable, suspicionOf } from './report-close.ts'
import { stallEnded, tellsStalls } from './report-stalls.ts'
import {
  attributed,
  beginSocketState,
  close,
  cut,
  endWork,
  failing,
  type Guidance,
  hasOpened,
  noteFrame,
  noteOpened,
  notePaired,
  noteSocket,
  type SocketState,
  startDelivering,
} from './socket-state.ts'

export type Ending =
  /** WhatsApp closed it, or a fault or a stall of this device ended it. */
  | {
      readonly by: 'whatsapp'
      readonly followUp: FollowUp
      /** In words for the operator. */
      readonly why: string
      readonly row: DeviceRow
    }
  /** No socket was opened: the credentials could not be read. */
  | { readonly by: 'unreadable'; readonly followUp: FollowUp; readonly error: unknown }
  /** This server closed it, or did not open it: on request, at the end of the lease, or because the server
   *  leaves. */
  | { readonly by: 'asked' }
  /** The device has another owner or a newer socket. */
  | { readonly by: 'stale' }
  /** Nobody has linked the device for as long as its server waits. */
  | { readonly by: 'unlinked' }

export interface Attempt {
  readonly ended: Promise<Ending>
  wasOpen(): boolean
  /** The points that remain against the device when the socket has ended and its server lives on. */
  suspicion(): number
  /** Whether a frame came or left within this time, or the socket has not logged in yet. */
  wasActive(withinMs: number): boolean
  /** Ends the socket because of an error that nobody caught in its work. */
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

/** Opens a socket under the permit.
 *  @returns the attempt, or the ending when no socket was opened. The lease may have ended, or the request
 *  changed, while the credentials were read. The credentials may be unreadable. Or an abandoned pairing had
 *  left half-made ones, which were set aside */
export async function beginAttempt(
  world: HostWorld,
  context: ServerContext,
  permitted: Permit,
  guidance: Guidance,
  pairingLimit: PairingLimit,
): Promise<Attempt | { readonly unopened: Ending }> {
  const state = beginSocketState(world, context, permitted, guidance, pairingLimit)
  const auth = await openAuth(state).catch((error: unknown) => endingUnread(state, error))
  if ('by' in auth) return { unopened: auth }
  const { me, account } = auth.state.creds
  // A pairing whose report was lost shows only in the credentials.
  if (account !== undefined) notePaired(state)
  // A pairing code sets `me` when it is asked for; `account` comes only with the phone's consent.
  const halfMade = !state.paired && me !== undefined && account === undefined
  if (halfMade) await setAsideCredentials(state)
  // Checked in the same turn of the event loop in which the socket is opened: nothing can come in between.
  if (halfMade || state.closing || !guidance.mayOpen() || !context.lease.isValid()) {
    auth.close()
    return { unopened: { by: 'asked' } }
  }
  return openSocket(state, auth)
}

function openSocket(state: SocketState, auth: OpenAuthState): Attempt {
  const { world, context, facts } = state
  const { promise: ended, resolve, reject } = Promise.withResolvers<Ending>()
  const events = listenTo(state, auth, (code, reason, told = {}) =>
    onClosed(state, auth, { code, reason, told }).then(resolve, reject),
  )
  const work = attributed(state)
  const socket = runFor(work, () =>
    world.openSocket({
      device: facts.deviceId,
      server: context.serverId,
      auth,
      mayAct() {
        noteFrame(state)
        return context.mayAct()
      },
      events,
    }),
  )
  noteSocket(state, forDevice(work, socket))
  return {
    ended,
    wasOpen: () => hasOpened(state),
    suspicion: () => suspicionOf(state),
    wasActive: (withinMs) => !hasOpened(state) || world.clock.elapsedMs(state.activeAt) <= withinMs,
    fault: work.fault,
    close: (why) => close(state, why),
    cut: () => cut(state),
    logout: () => logout(state),
    wantsPairingCode: ({ pairingCodeRequest }) =>
      !state.paired &&
      pairingCodeRequest !== undefined &&
      pairingCodeRequest.requestId !== state.answeredRequest,
    answerPairingCode: (row) => void answerPairingCode(state, row).catch(failing(state)),
  }
}

function openAuth(state: SocketState): Promise<OpenAuthState> {
  const { world, context, permitted } = state
  return world.openAuth({
    device: permitted.row.deviceId,
    credentialsId: permitted.row.credentialsId,
    epoch: permitted.epoch,
    everPaired: state.paired,
    mayWrite: () => context.lease.isValid(),
    onStale: () => close(state, 'stale'),
  })
}

/** @throws the error itself when the device or the lease is lost: then this server may report nothing */
async function endingUnread(state: SocketState, error: unknown): Promise<Ending> {
  if (isMooringError(error, 'STALE_EPOCH') || isMooringError(error, 'LEASE_OVER')) throw error
  return { by: 'unreadable', followUp: await reportUnreadable(state, error), error }
}

function listenTo(state: SocketState, auth: OpenAuthState, closed: SocketEvents['closed']): SocketEvents {
  const failed = failing(state)
  const { telemetry } = state.world
  return {
    qr: (qr, validMs) => offersQr(state, qr, validMs),
    paired: (account) => void onPaired(state, auth, account).catch(failed),
    open: (account) => void onOpen(state, auth, account).catch(failed),
    received: (messages) => telemetry.emit('device.message_received', { ...state.facts, messages }),
    ...tellsStalls(state),
    heldUp: (waiting) => telemetry.emit('device.messages_held_up', { ...state.facts, waiting }),
    closed,
  }
}

async function onOpen(state: SocketState, auth: OpenAuthState, account: Account): Promise<void> {
  const { world, context, reports, permitted, facts } = state
  noteOpened(state)
  state.guidance.hasOpened({
    socket: { send: (message) => send(state, message) },
    closed: state.closed.signal,
  })
  startDelivering(state, () =>
    deliver(
      {
        ...world,
        inbox: auth.inbox,
        device: facts.deviceId,
        whoIsWho: whoIsWho(auth, account),
        failed: failing(state),
      },
      state.closed.signal,
    ),
  )
  const now = world.clock.wallMs()
  const { pairedAt = now, updatedAt: permittedAt } = permitted.row
  world.telemetry.emit('device.connected', facts, {
    ConnectMilliseconds: Math.max(0, now - permittedAt),
    ...withoutSocket(permitted.row, now),
  })
  await reports.say({
    set: { status: 'connected', connectedAt: now, account, pairedAt, ...stallEnded(reports.row(), now) },
    remove: ['pairing', 'statusReason'],
  })
  await reports.history('connected', `by server "${context.name}"`)
}

/** How long the device had no socket, if it had one before, and whether it was asked to move meanwhile. */
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

async function onClosed(state: SocketState, auth: OpenAuthState, told: Closing): Promise<Ending> {
  const { world, guidance, reports, facts } = state
  const closing = state.fault === undefined ? told : { code: FAULT, reason: state.fault }
  const { code, reason } = closing
  await settle(state, auth)
  if (state.closing) {
    world.telemetry.emit('device.closed', { ...facts, code, why: state.closing })
    return endingByServer(state, state.closing)
  }
  const closed = classify(state, closing)
  const followUp = guidance.decide(closed)
  if (followUp.step.do === 'reconnect_now')
    world.telemetry.emit('device.closed', { ...facts, code, why: reason })
  else await reportClosed(state, closing, closed, followUp)
  // A refused report may just have shown that the socket was stale.
  if (state.closing) return endingByServer(state, state.closing)
  if (closed.wasNeverAccepted) await setAsideCredentials(state)
  return { by: 'whatsapp', followUp, why: wordsOf(closing), row: reports.row() }
}

/** Ends all work of the socket. A message that the application is just taking is waited for, or it would be
 *  delivered twice. */
async function settle(state: SocketState, auth: OpenAuthState): Promise<void> {
  endWork(state)
  const settled = Promise.all([state.delivering, auth.settled().catch(() => undefined)])
  await Promise.race([settled, sleep(state.world.clock, SETTLE_MS_MAX)])
  auth.close()
}

function endingByServer({ paired }: SocketState, closing: 'asked' | 'stale' | 'unlinked'): Ending {
  // A phone linked the device at the last moment.
  if (closing === 'unlinked' && paired) return { by: 'asked' }
  return { by: closing }
}

/** Gives the device a new `credentialsId`, under which a new pairing begins. */
async function setAsideCredentials({ world, reports, facts }: SocketState): Promise<void> {
  await reports.say({ set: { credentialsId: world.random.id() }, remove: ['pairing', 'pairingCodeRequest'] })
  world.telemetry.emit('device.pairing_discarded', facts)
}

async function send({ world, socket, facts }: SocketState, message: OutgoingText): Promise<void> {
  await socket?.send(message)
  world.telemetry.emit('device.message_sent', { ...facts })
}

async function logout(state: SocketState): Promise<void> {
  const { world, socket } = state
  if (!hasOpened(state) || !socket) return
  await Promise.race([socket.logout().catch(failing(state)), sleep(world.clock, LOGOUT_MS_MAX)])
}
