/** Sends one message over one Baileys socket, and waits until WhatsApp has confirmed or refused it. */
import type { BinaryNode, WASocket } from '@whiskeysockets/baileys'
import type { Clock } from '../../core/clock.ts'
import { isMooringError } from '../../core/errors.ts'
import type { DeviceWatch, Work } from '../stalls/device-watch.ts'
import type { ExistenceCheck } from './existence.ts'
import { jidOf } from './jid.ts'
import type { SendQueries } from './send-queries.ts'
import { refusalOfSend } from './send-refusals.ts'
import type { OutgoingText } from './socket.ts'

/** WhatsApp confirms a message within tenths of a second. */
const CONFIRM_MS_MAX = 10_000

export interface SendParts {
  readonly sock: WASocket
  readonly watch: DeviceWatch
  readonly queries: SendQueries
  readonly existence: ExistenceCheck
  readonly clock: Clock
}

/** Tries once. Everything that needs an answer of WhatsApp comes first, outside the device's lock. */
export async function sendMessage(parts: SendParts, message: OutgoingText): Promise<void> {
  const work = parts.watch.begin('send', 'a message waits to be sent', message.messageId)
  try {
    work.waitsFor("a message to send waits for WhatsApp's answer about the number of its contact")
    await parts.existence.refuseUnknown(parts.sock, message)
    const prepared = await parts.queries.prepare(jidOf(message.to), work.waitsFor)
    try {
      await sendPrepared(parts, message, work)
    } finally {
      prepared.release()
    }
    work.end()
  } catch (error) {
    if (isMooringError(error)) work.end()
    else work.failed()
    throw error
  }
}

/** `sendMessage` resolves when the frame is written, but WhatsApp has the message only when its ack says so.
 *  A `sendMessage` that waits is awaited without a limit: it cannot be cancelled, and a second one would only
 *  wait behind it. */
async function sendPrepared(
  { sock, clock }: SendParts,
  { to, text, messageId }: OutgoingText,
  work: Work,
): Promise<void> {
  const { promise: answer, resolve } = Promise.withResolvers<BinaryNode | undefined>()
  const hear = (ack: BinaryNode) => {
    if (ack.attrs.id === messageId) resolve(ack)
  }
  let limit = { cancel: () => {} }
  sock.ws.on('CB:ack,class:message', hear)
  try {
    // Without a preview: Baileys would fetch the address in the text for it.
    const content = { text, linkPreview: null }
    work.waitsFor("a message to send waits for the device's lock")
    await Promise.race([sock.sendMessage(jidOf(to), content, { messageId }), answer])
    work.waitsFor('WhatsApp has not confirmed a message that was sent')
    limit = clock.startTimer(CONFIRM_MS_MAX, () => resolve(undefined))
    const ack = await answer
    if (!ack) throw new Error(`WhatsApp has not confirmed message ${messageId}`)
    const { error } = ack.attrs
    if (error) throw refusalOfSend(messageId, error)
  } finally {
    limit.cancel()
    sock.ws.off('CB:ack,class:message', hear)
  }
}
