/** What a kept stanza says, read as Baileys itself reads one that arrives. */
import {
  type BinaryNode,
  decryptMessageNode,
  type SignalRepositoryWithLIDStore,
  unpadRandomMax16,
} from '@whiskeysockets/baileys'
import type { Account } from '../../core/device.ts'
import type { ReceivedMessage } from '../consumer.ts'
import { silentLogger } from '../silent-logger.ts'
import type { KeptStanza } from './inbox.ts'

/** @returns undefined for what is not for people: what the phone tells its linked devices, and sender keys */
export async function messageOf(
  { stanza }: KeptStanza,
  account: Account,
): Promise<ReceivedMessage | undefined> {
  const { jid, lid = '' } = account
  const node = decryptMessageNode(asPlaintext(stanza), jid, lid, nothingToDecrypt, silentLogger)
  await node.decrypt()
  const { key, message, messageTimestamp, pushName } = node.fullMessage
  if (node.category === 'peer' || !key.id || !key.remoteJid || !message || !isForPeople(message))
    return undefined
  return {
    messageId: key.id,
    chat: key.remoteJid,
    from: node.author,
    fromMe: key.fromMe === true,
    timestamp: Number(messageTimestamp) * 1000,
    ...(pushName ? { name: pushName } : {}),
    message,
  }
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
