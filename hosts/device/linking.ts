/** Links a device with a phone: writes QRs and pairing codes into the device's row until the phone accepts,
 *  or the time is over. */
import type { Account, DeviceRow } from '../../core/store/device-row.ts'
import type { OpenAuthState } from '../auth-state/auth-state.ts'
import {
  close,
  failing,
  giveUpAfter,
  noteCodeRequest,
  notePaired,
  noteQr,
  type SocketState,
} from './socket-state.ts'

/** WhatsApp ends a socket that nobody links when its six QRs are used up. The first is shown for 60 s, each
 *  other for 20 s. A pairing code ends with the socket. */
const UNLINKED_MS_MAX = 160_000
/** A person needs this long to type a code. A socket that ends sooner makes way for a new one first. */
const CODE_TYPED_WITHIN_MS = 60_000

export function offersQr(state: SocketState, qr: string, validMs: number): void {
  const { world, reports, facts } = state
  noteQr(state)
  giveUpInTime(state)
  answerPairingCode(state, reports.row()).catch(failing(state))
  // The person with the phone was given a code: a QR would take its place in the row.
  if (state.answeredRequest !== undefined) return
  const since = world.clock.wallMs()
  const expiresAt = since + Math.min(validMs, state.pairingLimit.remainingMs())
  void reports.say({ set: { status: 'pairing', pairing: { qr, since, expiresAt } } })
  world.telemetry.emit('device.pairing', { ...facts, by: 'qr' })
}

/** Closes the socket when the time to link the device is over. */
function giveUpInTime(state: SocketState): void {
  const { world, reports, pairingLimit, facts } = state
  giveUpAfter(state, pairingLimit.remainingMs(), () => {
    if (state.paired || state.closing) return
    world.telemetry.emit('device.pairing_timed_out', { ...facts, why: pairingLimit.why })
    void reports.say({ remove: ['pairing', 'pairingCodeRequest'] })
    close(state, 'unlinked')
  })
}

/** Asks WhatsApp for the code that the row requests, and writes it into the row; does nothing when it has
 *  done so before. */
export async function answerPairingCode(state: SocketState, row: DeviceRow): Promise<void> {
  const { world, reports, socket, facts } = state
  const request = row.pairingCodeRequest
  if (!request || !socket || !state.offersQrSince || state.paired) return
  if (request.requestId === state.answeredRequest) return
  const leftMs = UNLINKED_MS_MAX - world.clock.elapsedMs(state.offersQrSince)
  if (leftMs < CODE_TYPED_WITHIN_MS) return close(state, 'asked')
  noteCodeRequest(state, request.requestId)
  state.pairingLimit.restart()
  giveUpInTime(state)
  const { phoneNumber, requestId } = request
  const code = await socket.requestPairingCode(phoneNumber)
  const since = world.clock.wallMs()
  const validMs = Math.min(leftMs, state.pairingLimit.remainingMs())
  const pairing = { code, phoneNumber, since, expiresAt: since + validMs }
  await reports.say({
    set: { status: 'pairing', pairing, pairingRequestId: requestId },
    remove: ['pairingCodeRequest'],
  })
  world.telemetry.emit('device.pairing', { ...facts, by: 'code' })
}

export async function onPaired(state: SocketState, auth: OpenAuthState, account: Account): Promise<void> {
  const { world, reports, facts } = state
  notePaired(state)
  // The row may say "paired" only when the credentials are in the store: from then on missing ones are an
  // error.
  await auth.saveCreds()
  await reports.say({
    set: { pairedAt: world.clock.wallMs(), account },
    remove: ['pairing', 'pairingCodeRequest'],
  })
  world.telemetry.emit('device.paired', facts)
  await reports.history('paired', 'linked by the phone')
}
