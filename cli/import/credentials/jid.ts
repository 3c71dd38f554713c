/** Reads the jids of an account, in whichever spelling another system has kept them. Pure. */

import { kindOf } from './kind-of.ts'

/** The longest phone number of the world has 15 digits (E.164). Baileys logs in with it as a number, which a
 *  longer one would not fit. */
const NUMBER = /^([1-9]\d{0,14})(?:[._]\d{1,3})?(?::(\d{1,5}))?@(s\.whatsapp\.net|c\.us|hosted)$/
const LID = /^([1-9]\d{0,19})(?:[._]\d{1,3})?(?::(\d{1,5}))?@(lid|hosted\.lid)$/
/** The longest spelling that can be meant, with blanks around it. */
const CHARACTERS_MAX = 128
const DEVICE_MAX = 65_535

export type OwnJid = { readonly jid: string } | { readonly wrong: string }

/** The jid of a linked device. An agent behind the number names no one, so it is dropped: Baileys would take
 *  it for a part of the number. */
export function ownJid(value: unknown): OwnJid {
  const found = read(NUMBER, value)
  if (typeof found === 'string') return { wrong: found }
  // WhatsApp knows a linked device by its number. Device 0 is the phone.
  if (found.device === 0) return { wrong: 'it has no device number, so it is the jid of a phone' }
  return { jid: `${found.user}:${found.device}@${found.server}` }
}

/** The LID of a linked device. Older Baileys kept it without a device number. */
export function ownLid(value: unknown): OwnJid {
  const found = read(LID, value)
  if (typeof found === 'string') return { wrong: found }
  return { jid: `${found.user}${found.device === 0 ? '' : `:${found.device}`}@${found.server}` }
}

interface Parts {
  readonly user: string
  readonly device: number
  readonly server: string
}

/** @returns the parts, or what is wrong; the words quote nothing */
function read(form: RegExp, value: unknown): Parts | string {
  if (typeof value !== 'string') return `it is ${kindOf(value)} instead of a text`
  if (value.length > CHARACTERS_MAX) return `it has ${value.length} characters`
  const [, user, device = '0', server] = form.exec(value.trim().toLowerCase()) ?? []
  if (user === undefined || server === undefined || Number(device) > DEVICE_MAX) {
    return form === LID
      ? 'it has not the form of a LID'
      : 'it has not the form of a phone number with a device'
  }
  return { user, device: Number(device), server: server === 'c.us' ? 's.whatsapp.net' : server }
}
