/** Sends a message until WhatsApp has confirmed it, each time under the same id: a try that failed may have arrived all
 *  the same, and WhatsApp and the contact's phone drop what comes again under an id that they know. */
import { type Clock, sleep } from '../core/clock.ts'
import { MooringError } from '../core/errors.ts'
import { backoffMs, type Random } from '../core/random.ts'
import { isFinalRefusal, whyPostponed } from './send-refusals.ts'
import type { OutgoingText, WhatsAppSocket } from './whatsapp-socket.ts'

const TRIES_MAX = 4
const AGAIN_BASE_MS = 250
const AGAIN_CAP_MS = 2000

export interface Sending {
  readonly clock: Clock
  readonly random: Random
  readonly socket: Pick<WhatsAppSocket, 'send'>
  /** Aborted when the socket is closed, at the latest with the lease. */
  readonly closed: AbortSignal
}

/** @throws MooringError SEND_REFUSED | NOT_ON_WHATSAPP | SEND_UNCONFIRMED; the latter may be sent again under the same id, anywhere */
export async function sendUntilConfirmed(
  { clock, random, socket, closed }: Sending,
  message: OutgoingText,
): Promise<void> {
  let said = ''
  for (let tries = 1; !closed.aborted && tries <= TRIES_MAX; tries++) {
    try {
      return await socket.send(message)
    } catch (error) {
      if (isFinalRefusal(error)) throw error
      said = whyPostponed(error)
      await sleep(clock, backoffMs(random, tries, AGAIN_BASE_MS, AGAIN_CAP_MS), closed)
    }
  }
  throw new MooringError(
    'SEND_UNCONFIRMED',
    `WhatsApp has not confirmed message ${message.messageId}${said}: send it again under this messageId, to the server that has the device then`,
    { messageId: message.messageId },
  )
}

const BARE_NUMBER = /^\+?\d{7,15}$/

/** The jid of a phone number; a jid as it is. */
export function jidOf(to: string): string {
  return BARE_NUMBER.test(to) ? `${to.replace('+', '')}@s.whatsapp.net` : to
}
