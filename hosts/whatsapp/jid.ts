/** The jid that a phone number has. */
import { readPhoneNumber } from '../../core/phone-number.ts'

/** The jid of a phone number, however it is written; anything else as it is. */
export function jidOf(to: string): string {
  const read = to.includes('@') ? undefined : readPhoneNumber(to)
  return read && 'digits' in read ? `${read.digits}@s.whatsapp.net` : to
}
