/** One socket's life under one epoch: opens it, writes what it tells into the device's row, and says how it ended. */

import { sleep } from '../core/clock.ts'
import type { Account, DeviceRow } from '../core/device.ts'
import { isMooringError } from '../core/errors.ts'
import { recordHistory } from '../core/history.ts'
import { type Permit, report } from '../core/ownership.ts'
import { backoffMs } from '../core/random.ts'
import type { Change } from '../core/store.ts'
import type { OpenAuthState } from './auth-state/auth-state.ts'
import { recentConflicts } from './disconnect.ts'
import type { WhatsAppSocket } from './whatsapp-socket.ts'
import type { Berth, HostWorld } from './world.ts'

export type Ending =
  | { readonly by: 'whatsapp'; readonly code: number; readonly reason: string; readonly row: DeviceRow }
  /** This server closed it: the row asks for it, the lease is over, or the server leaves. */
  | { readonly by: 'asked' }
  /** The device has another owner or a newer socket. */
  | { readonly by: 'stale' }
  /** A pairing was abandoned; its half-made credentials were set aside. */
  | { readonly by: 'discarded' }

export interface Attempt {
  readonly ended: Promise<Ending>
  wasOpen(): boolean
  close(why: 'asked' | 'stale'): void
  /** Closes without waiting for anything. */
  cut(): void
  /** Tells WhatsApp to unlink the device, if it can be told. */
  logout(): Promise<void>
  wantsPairingCode(row: DeviceRow): boolean
  answerPairingCode(row: DeviceRow): void
}

/** How long WhatsApp takes an 8-character code. */
const PAIRING_CODE_VALID_MS = 160_000
/** Auth-state writes under way get this long when a socket has closed; then the next epoch fences them. */
const SETTLE_MS_MAX = 3000
const LOGOUT_MS_MAX = 5000
const REPORT_TRIES = 4

/** @returns undefined when no socket was opened: the lease ended or the wish changed while the credentials were read, or
 *  they were left half-made by an abandoned pairing and have been set aside */
export async function beginAttempt(
  world: HostWorld,
  berth: Berth,
  permitted: Permit,
  mayOpen: () => boolean,
): Promise<Attempt | undefined> {
  const { row, epoch } = permitted
  const { deviceId, credentialsId } = row
  const begun = world.clock.mark()
  const standing = { device: deviceId, server: berth.serverId, epoch }
  const facts = { deviceId, serverId: berth.serverId, epoch }
  const end = Promise.withResolvers<Ending>()
  let known: DeviceRow = row
  let socket: WhatsAppSocket | undefined
  let closing: 'asked' | 'stale' | undefined
  let opened = false
  let paired = row.pairedAt !== undefined
  let offersQr = false
  let answeredRequest: string | undefined
  let reports: Promise<void> = Promise.resolve()

  /** Reports are written one after another; one that is refused means that this socket is stale. */
  function say(change: Pick<Change<DeviceRow>, 'set' | 'remove'>): Promise<void> {
    reports = reports.then(async () => {
      for (let tried = 1; closing !== 'stale' && berth.lease.isValid(); tried++) {
        try {
          known = await report(world.store, world.clock, standing, change)
          return
        } catch (error) {
          if (isMooringError(error, 'NOT_OWNER')) return close('stale')
          if (tried === REPORT_TRIES) return world.telemetry.emit('device.failed', { ...facts, error })
          await sleep(world.clock, backoffMs(world.random, tried, 100, 1000))
        }
      }
    })
    return reports
  }

  function close(why: 'asked' | 'stale'): void {
    closing ??= why
    void socket?.close()
  }

  async function discard(): Promise<void> {
    await say({ set: { credentialsId: world.random.id() }, remove: ['pairing', 'pairingCodeRequest'] })
    world.telemetry.emit('device.pairing_discarded', facts)
  }

  async function answer(requested: DeviceRow): Promise<void> {
    const request = requested.pairingCodeRequest
    if (!request || !socket || !offersQr || paired || request.requestId === answeredRequest) return
    answeredRequest = request.requestId
    const code = await socket.requestPairingCode(request.phoneNumber)
    const since = world.clock.wallMs()
    const { phoneNumber, requestId } = request
    const pairing = { code, phoneNumber, since, expiresAt: since + PAIRING_CODE_VALID_MS }
    await say({ set: { pairing, pairingRequestId: requestId }, remove: ['pairingCodeRequest'] })
    world.telemetry.emit('device.pairing', { ...facts, by: 'code' })
  }

  function answerPairingCode(requested: DeviceRow): void {
    answer(requested).catch((error: unknown) => world.telemetry.emit('device.failed', { ...facts, error }))
  }

  async function isPaired(account: Account): Promise<void> {
    paired = true
    // The row may say "paired" only when the credentials are in the store: from then on missing ones are an error.
    await auth.settled()
    await say({ set: { pairedAt: world.clock.wallMs(), account }, remove: ['pairing', 'pairingCodeRequest'] })
    world.telemetry.emit('device.paired', facts)
    await history('paired', 'linked by the phone')
  }

  async function isOpen(account: Account): Promise<void> {
    opened = true
    const now = world.clock.wallMs()
    const gapMs =
      known.connectedAt && known.disconnectedAt ? Math.max(0, now - known.disconnectedAt) : undefined
    world.telemetry.emit('device.connected', facts, {
      ConnectMilliseconds: world.clock.elapsedMs(begun),
      ...(gapMs === undefined ? {} : { SecondsWithoutSocket: gapMs / 1000 }),
    })
    const pairedAt = known.pairedAt ?? now
    await say({
      set: { status: 'connected', connectedAt: now, account, pairedAt },
      remove: ['pairing', 'statusReason'],
    })
    await history('connected', `by server ${berth.name}`)
  }

  async function isClosed(code: number, reason: string): Promise<void> {
    await Promise.race([auth.settled().catch(() => undefined), sleep(world.clock, SETTLE_MS_MAX)])
    auth.close()
    if (closing === undefined) {
      world.telemetry.emit('device.disconnected', { ...facts, code, why: reason })
      await sayClosed(code, reason)
    } else world.telemetry.emit('device.closed', { ...facts, why: closing })
    if (closing) return end.resolve({ by: closing })
    if (code === 401 && !paired) {
      await discard()
      return end.resolve({ by: 'discarded' })
    }
    end.resolve({ by: 'whatsapp', code, reason, row: known })
  }

  async function sayClosed(code: number, reason: string): Promise<void> {
    if (code === 515) return
    const now = world.clock.wallMs()
    await say({
      set: {
        status: 'disconnected',
        statusReason: `closed with ${code} (${reason})`,
        ...(opened ? { disconnectedAt: now } : {}),
        ...(code === 440 ? { conflicts: recentConflicts(known.conflicts, now) } : {}),
      },
      remove: ['pairing'],
    })
    await history('disconnected', `status ${code}: ${reason}`)
  }

  /** For people: a failing store must not disturb the socket. */
  async function history(event: 'paired' | 'connected' | 'disconnected', why: string): Promise<void> {
    const entry = { deviceId, event, epoch, why, server: berth.serverId, serverName: berth.name }
    await recordHistory(world, entry).catch((error: unknown) =>
      world.telemetry.emit('device.failed', { ...facts, error }),
    )
  }

  const auth: OpenAuthState = await world
    .openAuth({
      device: deviceId,
      credentialsId,
      epoch,
      everPaired: paired,
      mayWrite: () => berth.lease.isValid(),
      onStale: () => close('stale'),
    })
    .catch(async (error: unknown) => {
      if (isMooringError(error, 'CREDENTIALS_UNREADABLE')) {
        await say({ set: { status: 'disconnected', statusReason: error.message } })
      }
      throw error
    })

  const halfMade = !paired && auth.state.creds.me !== undefined && auth.state.creds.account === undefined
  if (halfMade) await discard()
  // Checked in the same turn of the event loop as the socket is opened: nothing can come in between.
  if (halfMade || !mayOpen() || !berth.lease.isValid()) {
    auth.close()
    return undefined
  }
  const failed = (error: unknown) => world.telemetry.emit('device.failed', { ...facts, error })
  socket = world.openSocket({
    device: deviceId,
    server: berth.serverId,
    auth,
    events: {
      qr(qr, validMs) {
        offersQr = true
        answerPairingCode(known)
        if (answeredRequest !== undefined) return
        const since = world.clock.wallMs()
        void say({ set: { status: 'pairing', pairing: { qr, since, expiresAt: since + validMs } } })
        world.telemetry.emit('device.pairing', { ...facts, by: 'qr' })
      },
      paired: (account) => void isPaired(account).catch(failed),
      open: (account) => void isOpen(account).catch(failed),
      received: (messages) => world.telemetry.emit('device.message_received', { ...facts, messages }),
      closed: (code, reason) => void isClosed(code, reason).catch(end.reject),
    },
  })
  return {
    ended: end.promise,
    wasOpen: () => opened,
    close,
    cut() {
      closing ??= 'asked'
      socket?.cut()
    },
    async logout() {
      if (!opened || !socket) return
      await Promise.race([socket.logout().catch(failed), sleep(world.clock, LOGOUT_MS_MAX)])
    },
    wantsPairingCode: (listed) =>
      !paired &&
      listed.pairingCodeRequest !== undefined &&
      listed.pairingCodeRequest.requestId !== answeredRequest,
    answerPairingCode,
  }
}
