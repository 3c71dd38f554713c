/** What a kept stanza says, read as Baileys itself reads one that arrives. */
import {
  type BinaryNode,
  decryptMessageNode,
  type SignalRepositoryWithLIDStore,
  unpadRandomMax16,
} from '@whiskeysockets/baileys'
import type { KeptStanza } from '../auth-state/inbox.ts'
import { bareJid, type Names, recipientIn, senderIn } from '../auth-state/names.ts'
import type { WhoIsWho } from '../auth-state/who-is-who.ts'
import { silentLogger } from './silent-logger.ts'

/** Groups, lists and channels. */
const OF_MANY = /@(g\.us|broadcast|newsletter)$/

/** @returns undefined for what is not for people: what the phone tells its linked devices, and sender keys
 *  @throws what the store threw when it was asked for the sender's other name */
export async function messageOf(
  { stanza, keptAt, seq = keptAt }: KeptStanza,
  whoIsWho: WhoIsWho,
): Promise<ReceivedMessage | undefined> {
  const { account } = whoIsWho
  const { jid, lid = '' } = account
  const node = decryptMessageNode(asPlaintext(stanza), jid, lid, nothingToDecrypt, silentLogger)
  await node.decrypt()
  const { key, message, pushName } = node.fullMessage
  if (node.category === 'peer' || !key.id || !key.remoteJid || !message || !isForPeople(message))
    return undefined
  const fromMe = key.fromMe === true
  const fromNames = await whoIsWho.named(senderIn(stanza, node.author, account))
  const chat = bareJid(key.remoteJid)
  const isOneToOne = !OF_MANY.test(chat)
  const chatNames =
    isOneToOne && fromMe ? await whoIsWho.named(recipientIn(stanza, key.remoteJid, account)) : fromNames
  const from = bareJid(node.author)
  return {
    messageId: key.id,
    seq,
    chat,
    from,
    ...(isOneToOne && chatNames ? { chatNames } : {}),
    ...(fromNames ? { fromNames } : {}),
    person: isOneToOne ? (chatNames?.person ?? chat) : (fromNames?.person ?? from),
    fromMe,
    timestamp: sentAtMs(stanza) ?? keptAt,
    ...(pushName ? { name: pushName } : {}),
    message,
  }
}

/** WhatsApp's own time, in seconds; undefined when it says none. */
function sentAtMs({ attrs: { t = '' } }: BinaryNode): number | undefined {
  return /^\d{1,12}$/.test(t) ? Number(t) * 1000 : undefined
}

function isForPeople(message: object): boolean {
  const {
    senderKeyDistributionMessage: _,
    messageContextInfo: __,
    ...content
  } = message as Record<string, unknown>
  return Object.values(content).some((value) => value !== null && value !== undefined)
}

/** Baileys takes a `plaintext` child as it is. */
function asPlaintext(stanza: BinaryNode): BinaryNode {
  const children = Array.isArray(stanza.content) ? stanza.content : []
  const content = children.flatMap(({ attrs, content: padded }) =>
    padded instanceof Uint8Array && isPadded(padded)
      ? [{ tag: 'plaintext', attrs, content: unpadRandomMax16(padded) }]
      : [],
  )
  return { ...stanza, content }
}

/** Else Baileys has refused the message, and asked its sender for another one. */
function isPadded(plaintext: Uint8Array): boolean {
  const padding = plaintext.at(-1)
  return padding !== undefined && padding <= plaintext.length
}

/** All that Baileys asks of the Signal repository for a plaintext. Sender keys were taken in when it came. */
const nothingToDecrypt = {
  lidMapping: { getLIDForPN: async () => null },
  processSenderKeyDistributionMessage: async () => undefined,
} as unknown as SignalRepositoryWithLIDStore

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
