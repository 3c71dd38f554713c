/** Reads a phone number as people write it, and gives it as WhatsApp takes it: digits alone, with the
 *  country code (E.164). */

/** Characters between digits: blanks, dashes of all kinds, dots, slashes, brackets. */
const BETWEEN = /[\s\p{Pd}\u2212./()[\]]/gu
/** Invisible characters in a copied number: marks of direction, joiners, soft hyphens. */
const UNSEEN = /\p{Cf}/gu
/** The zero of the national form. It is not dialled after a country code: +44 (0)20 ... */
const NATIONAL_ZERO = /^((?:\+|00)[^(]*)\(0\)/
const DIGITS_MIN = 7
const DIGITS_MAX = 15
const EXAMPLE = 'such as +1 555 010 0123'

/** No phone number is written in more characters. */
export const PHONE_NUMBER_CHARACTERS_MAX = 64

export type PhoneNumber = { readonly digits: string } | { readonly fault: string }

/** @returns the digits with the country code, or in words why the text cannot be a phone number */
export function readPhoneNumber(text: string): PhoneNumber {
  if (text.length > PHONE_NUMBER_CHARACTERS_MAX) return { fault: 'is too long for a phone number' }
  const bare = text
    .normalize('NFKC')
    .replaceAll(UNSEEN, '')
    .trim()
    .replace(/^tel:/i, '')
    .replace(NATIONAL_ZERO, '$1')
    .replaceAll(BETWEEN, '')
  const digits = bare.replace(/^(?:\+|00)/, '')
  if (!/^\d*$/.test(digits)) return { fault: `has more in it than a phone number: give digits, ${EXAMPLE}` }
  if (digits.startsWith('0')) return { fault: `begins without its country code: give it whole, ${EXAMPLE}` }
  if (digits.length < DIGITS_MIN) return { fault: `is too short: give it with its country code, ${EXAMPLE}` }
  if (digits.length > DIGITS_MAX)
    return { fault: `has more than ${DIGITS_MAX} digits, as no phone number has` }
  return { digits }
}
