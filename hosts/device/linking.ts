/** How a phone links the device that one socket is for: QRs and codes, written into the device's row, until one is accepted
 *  or the time for it is over. */
import type { Account, DeviceRow } from '../../core/store/device-row.ts'
import type { OpenAuthState } from '../auth-state/auth-state.ts'
import { close, failing, type SocketState } from './socket-state.ts'

/** A connection that nobody links ends when it has no more QRs: six of them, the first for 60 s, each other for 20 s. An
 *  8-character code ends with it. */
const UNLINKED_MS_MAX = 160_000
/** A person needs this long to type a code; a connection that ends sooner makes way for a new one first. */
const CODE_TYPED_WITHIN_MS = 60_000

export function offersQr(socketState: SocketState, qr: string, validMs: number): void {
  const { world, reports, facts } = socketState
  socketState.offersQrSince ??= world.clock.mark()
  giveUpInTime(socketState)
  answerPairingCode(socketState, reports.row()).catch(failing(socketState))
  // The person with the phone was given a code: a QR would take its place in the row.
  if (socketState.answeredRequest !== undefined) return
  const since = world.clock.wallMs()
  const expiresAt = since + Math.min(validMs, socketState.pairingLimit.remainingMs())
  void reports.say({ set: { status: 'pairing', pairing: { qr, since, expiresAt } } })
  world.telemetry.emit('device.pairing', { ...facts, by: 'qr' })
}

/** Closes the socket when the time to link the device is over. */
function giveUpInTime(socketState: SocketState): void {
  const { world, reports, pairingLimit, facts } = socketState
  socketState.givingUp?.cancel()
  socketState.givingUp = world.clock.startTimer(pairingLimit.remainingMs(), () => {
    if (socketState.paired || socketState.closing) return
    world.telemetry.emit('device.pairing_timed_out', { ...facts, why: pairingLimit.why })
    void reports.say({ remove: ['pairing', 'pairingCodeRequest'] })
    close(socketState, 'unlinked')
  })
}

export async function answerPairingCode(socketState: SocketState, row: DeviceRow): Promise<void> {
  const { world, reports, socket, facts } = socketState
  const request = row.pairingCodeRequest
  if (!request || !socket || !socketState.offersQrSince || socketState.paired) return
  if (request.requestId === socketState.answeredRequest) return
  const leftMs = UNLINKED_MS_MAX - world.clock.elapsedMs(socketState.offersQrSince)
  if (leftMs < CODE_TYPED_WITHIN_MS) return close(socketState, 'asked')
  socketState.answeredRequest = request.requestId
  socketState.pairingLimit.restart()
  giveUpInTime(socketState)
  const { phoneNumber, requestId } = request
  const code = await socket.requestPairingCode(phoneNumber)
  const since = world.clock.wallMs()
  const validMs = Math.min(leftMs, socketState.pairingLimit.remainingMs())
  const pairing = { code, phoneNumber, since, expiresAt: since + validMs }
  await reports.say({
    set: { status: 'pairing', pairing, pairingRequestId: requestId },
    remove: ['pairingCodeRequest'],
  })
  world.telemetry.emit('device.pairing', { ...facts, by: 'code' })
}

export async function onPaired(
  socketState: SocketState,
  auth: OpenAuthState,
  account: Account,
): Promise<void> {
  const { world, reports } = socketState
  socketState.paired = true
  // The row may say "paired" only when the credentials are in the store: from then on missing ones are an error.
  await auth.saveCreds()
  await reports.say({
    set: { pairedAt: world.clock.wallMs(), account },
    remove: ['pairing', 'pairingCodeRequest'],
  })
  world.telemetry.emit('device.paired', socketState.facts)
  await reports.history('paired', 'linked by the phone')
}
