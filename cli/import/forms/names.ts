/** Names from outside, as a person may read them. Where an export has no header, or a person names a wrong
 *  column, values stand in the place of names, and values are secret. Pure. */
import { plain, shortened } from '../../words.ts'

const NAME_CHARACTERS_MAX = 80
const NO_NAME = '(a value, not a name)'
/** JSON, or bytes in hex as databases write them. Quotes and braces alone are usual in names, as in Redis'
 *  `{shop-1}`, and so is hex without a mark. */
const VALUE = /[{[]\s*\\*"|"\s*:|^(?:\\x|0x)[0-9a-f]{32}/i
/** 32 bytes or more in base64. */
const BASE64 = /[A-Za-z0-9+/]{43,}/g
/** A value may be long, and tells at once what it is. */
const LOOKED_AT_MAX = 1000

/** Whether a text may be key material, or hold it. */
export function mayBeValue(text: string): boolean {
  const start = text.slice(0, LOOKED_AT_MAX)
  return VALUE.test(start) || (start.match(BASE64) ?? []).some(isMixed)
}

/** Words and paths have letters of one case, or no digits. */
function isMixed(text: string): boolean {
  return /[A-Z]/.test(text) && /[a-z]/.test(text) && /\d/.test(text)
}

/** @returns a name that neither steers a terminal, nor fills it, nor tells a secret */
export function shown(name: string, charactersMax = NAME_CHARACTERS_MAX): string {
  return mayBeValue(name) ? NO_NAME : plain(shortened(name.toWellFormed(), charactersMax))
}
