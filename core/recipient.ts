/** Judges whom a text is for: a phone number as people write it, or a jid. */
import { readPhoneNumber } from './phone-number.ts'

const JID = /^[\w.:-]+@(s\.whatsapp\.net|lid|g\.us)$/

/** @returns in words why no text can be sent there; undefined when one can */
export function recipientFault(to: string): string | undefined {
  if (to.includes('@')) {
    const says =
      'is neither a phone number such as +1 555 010 0123 nor a jid such as 15550100123@s.whatsapp.net'
    return JID.test(to) ? undefined : says
  }
  const read = readPhoneNumber(to)
  return 'fault' in read ? read.fault : undefined
}
