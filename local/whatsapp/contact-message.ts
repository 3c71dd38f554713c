/** A message for a device: the plaintext that Signal encrypts, and the stanza that carries it. Pure. */
import { type BinaryNode, encodeWAMessage, proto } from '@whiskeysockets/baileys'
import type { QueuedMessage } from './accounts.ts'
import { node } from './stanzas.ts'

export function plaintextOf(
  { text, ownChat }: Pick<QueuedMessage, 'text' | 'ownChat'>,
  senderKey?: { readonly groupId: string; readonly message: Uint8Array },
): Uint8Array {
  const message = {
    ...(text !== undefined && { conversation: text }),
    ...(senderKey && {
      senderKeyDistributionMessage: {
        groupId: senderKey.groupId,
        axolotlSenderKeyDistributionMessage: senderKey.message,
      },
    }),
  }
  const content = ownChat ? { deviceSentMessage: { destinationJid: ownChat.pn, message } } : message
  return encodeWAMessage(proto.Message.fromObject(content))
}

export function messageNode(message: QueuedMessage, offline: boolean): BinaryNode {
  const { type, ciphertext, retry } = message.encryption
  const enc = node('enc', { v: '2', type, ...(retry && { count: String(retry) }) }, ciphertext)
  const attrs = {
    ...namesOf(message),
    type: 'text',
    id: message.id,
    t: String(message.sentAtS),
    notify: 'Simulated phone',
    ...(offline && { offline: '1' }),
  }
  const skmsg = message.skmsg && node('enc', { v: '2', type: 'skmsg' }, message.skmsg)
  return node('message', attrs, skmsg ? [enc, skmsg] : [enc])
}

function namesOf(message: QueuedMessage): Record<string, string> {
  const { from, fromLid, addressing = 'pn', alternate = true, group, ownChat } = message
  const byLid = addressing === 'lid'
  const author = byLid ? fromLid : from
  const mode: Record<string, string> = byLid || group ? { addressing_mode: addressing } : {}
  const other = (name: string, alt: { pn: string; lid: string }): Record<string, string> =>
    alternate ? { [byLid ? `${name}_pn` : `${name}_lid`]: byLid ? alt.pn : alt.lid } : {}
  const authors = { pn: from, lid: fromLid }
  if (group !== undefined)
    return { from: group, participant: author, ...other('participant', authors), ...mode }
  if (!ownChat) return { from: author, ...other('sender', authors), ...mode }
  return {
    from: author,
    recipient: byLid ? ownChat.lid : ownChat.pn,
    ...other('peer_recipient', ownChat),
    ...mode,
  }
}
