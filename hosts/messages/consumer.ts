/** Where received messages go. A message stays in the device's inbox until its consumer has it. */
import type { DeviceId } from '../../core/ids.ts'

/** Both jids of one person, as far as they are known, without parts that name a device. */
export interface Names {
  /** By phone number: `...@s.whatsapp.net`. */
  readonly pn?: string
  /** WhatsApp's name for who does not show a number: `...@lid`. */
  readonly lid?: string
  /** One of the two, and the same one every time: the LID, unless the person was told by number before it was known. */
  readonly person: string
}

export interface ReceivedMessage {
  /** WhatsApp's own, the same when the message comes again. With the chat and the sender it names a message. */
  readonly messageId: string
  /** It rises with each message of the device, over all its sockets and servers; numbers may be left out. */
  readonly seq: number
  /** The jid of the contact or the group, as WhatsApp addressed it this time. */
  readonly chat: string
  /** The jid of who wrote it, as WhatsApp addressed him this time. */
  readonly from: string
  /** Of the contact, in a chat of two. */
  readonly chatNames?: Names
  /** Of who wrote it. */
  readonly fromNames?: Names
  /** Whom it is about, by one stable name: the contact in a chat of two, else who wrote it. */
  readonly person: string
  /** Written by the same account on another device. */
  readonly fromMe: boolean
  /** When it was sent by WhatsApp's clock, in ms since 1970. */
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
