/** Defines a socket, one connection of a device to WhatsApp, as the connection machine sees it.
 *  baileys-socket.ts implements it with Baileys, and a simulation has an implementation of its own. */

import type { DeviceId, ServerId } from '../../core/ids.ts'
import type { Account } from '../../core/store/device-row.ts'
import type { OpenAuthState } from '../auth-state/auth-state.ts'
import type { Stall } from '../stalls/device-watch.ts'
import type { Told } from './disconnect.ts'

export interface SocketEvents {
  /** WhatsApp offers a QR to be scanned within `validMs`. */
  qr(qr: string, validMs: number): void
  /** The phone has accepted. WhatsApp then closes with 515 and expects a login with the new credentials. */
  paired(account: Account): void
  /** Logged in. */
  open(account: Account): void
  received(messages: number): void
  /** Work of this socket stays unanswered. Called again and again while that lasts.
   *  @returns whether the socket shall be closed now, with code 951 */
  stalled(stall: Stall): boolean
  /** The stalled work was answered after all. */
  recovered(): void
  /** A message was not handled in its time, and the next one is begun. `waiting` messages have not been
   *  begun. */
  heldUp(waiting: number): void
  /** The last event. `code` is in close-codes.ts, or unknown; it is 0 when this server closed the socket. */
  closed(code: number, reason: string, told?: Told): void
}

export interface OutgoingText {
  /** A phone number, or the jid of a contact or a group. */
  readonly to: string
  readonly text: string
  /** WhatsApp drops a message that comes again under the same id. */
  readonly messageId: string
}

export interface WhatsAppSocket {
  /** Tries once; resolves when WhatsApp has the message. The next try under the same id must wait for the end
   *  of this one.
   *  @throws MooringError SEND_REFUSED | NOT_ON_WHATSAPP when WhatsApp does not take it; after any other
   *  error WhatsApp may have the message or not */
  send(message: OutgoingText): Promise<void>
  requestPairingCode(phoneNumber: string): Promise<string>
  /** Tells WhatsApp to unlink the device. */
  logout(): Promise<void>
  /** Says goodbye and closes. Resolves when the connection is gone, after a second at the latest. */
  close(): Promise<void>
  /** Cuts the connection without waiting for anything. */
  cut(): void
}

export interface SocketOptions {
  readonly device: DeviceId
  readonly server: ServerId
  readonly auth: OpenAuthState
  /** Whether this server's lease is valid. Asked when a frame comes, and right before a frame leaves. When
   *  the lease is over, every socket of the server has been cut before this returns. */
  readonly mayAct: () => boolean
  readonly events: SocketEvents
}

export type OpenSocket = (options: SocketOptions) => WhatsAppSocket
