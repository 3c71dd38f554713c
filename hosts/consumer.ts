/** Where received messages go. A message stays in the device's inbox until its consumer has it. */
import type { DeviceId } from '../core/ids.ts'

export interface ReceivedMessage {
  /** WhatsApp's own, the same when the message comes again. With the chat and the sender it names a message. */
  readonly messageId: string
  /** The jid of the contact or the group. */
  readonly chat: string
  /** The jid of who wrote it. */
  readonly from: string
  /** Written by the same account on another device. */
  readonly fromMe: boolean
  /** When it was sent, in ms since 1970. */
  readonly timestamp: number
  /** What the sender calls himself. */
  readonly name?: string
  /** The message as WhatsApp defines it: `conversation`, `extendedTextMessage`, `imageMessage` and so on. */
  readonly message: object
}

export interface Consumer {
  /** Resolves when it has the messages: then they are forgotten here. They come in the order in which they were received,
   *  at least once: after a crash, and after a rejection, again under the same ids. */
  take(device: DeviceId, messages: readonly ReceivedMessage[]): Promise<void>
}

/** Messages are counted elsewhere and dropped here. */
export const droppingConsumer: Consumer = { take: async () => undefined }
