/** Reads the two names of a person from a stanza: the phone number and the LID. WhatsApp chooses by which of
 *  them it addresses a stanza, and chooses differently from message to message. The other name is often an
 *  attribute beside it. */
import type { BinaryNode } from '@whiskeysockets/baileys'
import type { Account } from '../../core/store/device-row.ts'

export interface KnownNames {
  readonly pn?: string
  readonly lid?: string
}

/** A person's jid. Beside the user it may carry an agent, and the number of a linked device. */
const PERSON = /^(\d{1,20})(?:[._]\d{1,3})?(?::\d{1,5})?@(s\.whatsapp\.net|c\.us|hosted|lid|hosted\.lid)$/

/** @returns the jid without the parts that name a device; a jid that is no person's stays as it is */
export function bareJid(jid: string): string {
  const { pn, lid } = namesAmong([jid])
  return pn ?? lid ?? jid
}

export function userOf(bare: string): string {
  return bare.slice(0, bare.indexOf('@'))
}

/** @returns the first phone number and the first LID among these jids; others are passed over */
export function namesAmong(jids: readonly (string | undefined)[]): KnownNames {
  let names: KnownNames = {}
  for (const jid of jids) {
    const [, user, server] = PERSON.exec(jid ?? '') ?? []
    if (user === undefined || server === undefined) continue
    names = server.endsWith('lid')
      ? { lid: `${user}@lid`, ...names }
      : { pn: `${user}@s.whatsapp.net`, ...names }
  }
  return names
}

/** The names of the account itself. */
export function ownNames({ jid, lid }: Account): KnownNames {
  return namesAmong([jid, lid])
}

export function areSame(one: KnownNames, other: KnownNames): boolean {
  return (one.pn !== undefined && one.pn === other.pn) || (one.lid !== undefined && one.lid === other.lid)
}

/** The sender of a message, by all that its stanza says. @param author as Baileys reads it */
export function senderIn({ attrs }: BinaryNode, author: string, account: Account): KnownNames {
  if (areSame(namesAmong([author]), ownNames(account))) return ownNames(account)
  const { participant_pn, participant_lid, sender_pn, sender_lid } = attrs
  return unlessOwn(author, [participant_pn, participant_lid, sender_pn, sender_lid], account)
}

/** The contact to whom this account wrote from another device. */
export function recipientIn({ attrs }: BinaryNode, chat: string, account: Account): KnownNames {
  if (areSame(namesAmong([chat]), ownNames(account))) return ownNames(account)
  const { peer_recipient_pn, peer_recipient_lid, recipient_pn, recipient_lid } = attrs
  return unlessOwn(chat, [peer_recipient_pn, peer_recipient_lid, recipient_pn, recipient_lid], account)
}

/** Ignores other names that are this account's own: no contact has them. */
function unlessOwn(jid: string, others: (string | undefined)[], account: Account): KnownNames {
  const names = namesAmong([jid])
  const foreign = others.filter((other) => !areSame(namesAmong([other]), ownNames(account)))
  return { ...namesAmong(foreign), ...names }
}

/** Both jids of one person, as far as they are known, without the parts that name a device. */
export interface Names {
  /** The jid by phone number: `...@s.whatsapp.net`. */
  readonly pn?: string
  /** The jid that hides the number: `...@lid`. */
  readonly lid?: string
  /** The same name every time: the LID, unless the person was told by number before the LID was known. */
  readonly person: string
}
