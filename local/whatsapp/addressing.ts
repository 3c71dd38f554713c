/** A person has two names at WhatsApp: a jid made of the phone number, and a LID, which hides the number. A
 *  chat or a message uses one of the two; that choice is its addressing. Pure. */
import { jidEncode } from '@whiskeysockets/baileys'
import type { Phone } from './phones.ts'

/** `pn` is the phone number. */
export const ADDRESSINGS = ['pn', 'lid'] as const

export type Addressing = (typeof ADDRESSINGS)[number]

/** The name of the phone's owner in a chat of this addressing. */
export function nameOf({ jid, lidUser }: Pick<Phone, 'jid' | 'lidUser'>, addressing: Addressing): string {
  return addressing === 'lid' ? jidEncode(lidUser, 'lid') : jid
}
