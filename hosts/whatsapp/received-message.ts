/** Makes a message for the application from a kept stanza. Baileys reads it, as it reads a stanza that
 *  arrives. */
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

/** The chats of more than two: groups, lists and channels. */
const OF_MANY = /@(g\.us|broadcast|newsletter)$/

/** @returns undefined for a stanza without a message for people, such as sender keys or the phone's own
 *  notices to its linked devices
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

/** @returns WhatsApp's own time in ms, undefined when the stanza has none */
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

/** Puts the plaintexts where Baileys takes them without a decrypt: in `plaintext` children. */
function asPlaintext(stanza: BinaryNode): BinaryNode {
  const children = Array.isArray(stanza.content) ? stanza.content : []
  const content = children.flatMap(({ attrs, content: padded }) =>
    padded instanceof Uint8Array && isPadded(padded)
      ? [{ tag: 'plaintext', attrs, content: unpadRandomMax16(padded) }]
      : [],
  )
  return { ...stanza, content }
}

/** Without proper padding Baileys has refused the message, and has asked its sender for another one. */
function isPadded(plaintext: Uint8Array): boolean {
  const padding = plaintext.at(-1)
  return padding !== undefined && padding <= plaintext.length
}

/** All that Baileys asks of the Signal repository for a plaintext. Sender keys were stored when the stanza
 *  arrived. */
const nothingToDecrypt = {
  lidMapping: { getLIDForPN: async () => null },
  processSenderKeyDistributionMessage: async () => undefined,
} as unknown as SignalRepositoryWithLIDStore

export interface ReceivedMessage {
  /** WhatsApp's own id, the same when the message comes again. It is unique with the chat and the sender. */
  readonly messageId: string
  /** Rises with each message of the device, over all its sockets and servers. Numbers may be left out. */
  readonly seq: number
  /** The jid of the contact or the group, as WhatsApp addressed it this time. */
  readonly chat: string
  /** The jid of the sender, as WhatsApp addressed it this time. */
  readonly from: string
  /** The names of the contact, in a chat of two. */
  readonly chatNames?: Names
  /** The names of the sender. */
  readonly fromNames?: Names
  /** The one stable name of the person whom the message is about: the contact in a chat of two, else the
   *  sender. */
  readonly person: string
  /** The same account has written it on another device. */
  readonly fromMe: boolean
  /** When the message was sent, by WhatsApp's clock, in ms since 1970. */
  readonly timestamp: number
  /** The name that the sender has chosen. */
  readonly name?: string
  /** The message as WhatsApp defines it: `conversation`, `extendedTextMessage`, `imageMessage` and so on. */
  readonly message: object
}
