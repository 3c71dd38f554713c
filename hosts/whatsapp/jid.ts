/** Makes the jid of a recipient, whom the operator names by phone number or by jid. */
import { readPhoneNumber } from '../../core/phone-number.ts'

/** @returns the jid of a phone number in any usual notation; any other text as it is */
export function jidOf(to: string): string {
  const read = to.includes('@') ? undefined : readPhoneNumber(to)
  return read && 'digits' in read ? `${read.digits}@s.whatsapp.net` : to
}
