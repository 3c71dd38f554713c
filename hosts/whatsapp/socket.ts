/** One connection to WhatsApp, as the connection machine sees it. Baileys is behind it (baileys-socket.ts). */

import type { DeviceId, ServerId } from '../../core/ids.ts'
import type { Account } from '../../core/store/device-row.ts'
import type { OpenAuthState } from '../auth-state/auth-state.ts'
import type { Stall } from '../stalls/stall-watch.ts'
import type { Told } from './disconnect.ts'

export interface SocketEvents {
  /** WhatsApp offers a QR to be scanned within `validMs`. */
  qr(qr: string, validMs: number): void
  /** The phone has accepted; WhatsApp closes with 515 and expects a login with the new credentials. */
  paired(account: Account): void
  /** Logged in. */
  open(account: Account): void
  received(messages: number): void
  /** Work of this socket is not answered. Told again and again while it lasts.
   *  @returns whether the socket shall be closed now, with code 951 */
  stalled(stall: Stall): boolean
  /** What had stalled was answered after all. */
  recovered(): void
  /** A message is not dealt with, though its time is over: those behind it go on. `waiting` have not been begun. */
  heldUp(waiting: number): void
  /** Nothing follows. `code` is one of close-codes.ts, or one that is not known; 0 when this side closed it. */
  closed(code: number, reason: string, told?: Told): void
}

export interface OutgoingText {
  /** A phone number, or the jid of a contact or a group. */
  readonly to: string
  readonly text: string
  /** WhatsApp drops what comes again under the same id. */
  readonly messageId: string
}

export interface WhatsAppSocket {
  /** Resolves when WhatsApp has the message. One try: another one under the same id begins when it has ended.
   *  @throws MooringError SEND_REFUSED | NOT_ON_WHATSAPP when WhatsApp does not take it; any other error leaves open
   *  whether it has it */
  send(message: OutgoingText): Promise<void>
  requestPairingCode(phoneNumber: string): Promise<string>
  /** Tells WhatsApp to unlink the device. */
  logout(): Promise<void>
  /** Says goodbye and closes; resolves when the connection is gone, at the latest after a second. */
  close(): Promise<void>
  /** Cuts the connection without waiting for anything. */
  cut(): void
}

export interface SocketOptions {
  readonly device: DeviceId
  readonly server: ServerId
  readonly auth: OpenAuthState
  /** Whether this server's lease is valid: asked when a frame comes and right before one leaves. When it is not, every
   *  socket of the server has been cut before this returns. */
  readonly mayAct: () => boolean
  readonly events: SocketEvents
}

export type OpenSocket = (wish: SocketOptions) => WhatsAppSocket
