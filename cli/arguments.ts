/** Checks the arguments of a command before anything is asked of the API. */
import { InvalidArgumentError } from 'commander'
import { hasIdForm } from '../core/ids.ts'
import { readPhoneNumber } from '../core/phone-number.ts'
import { recipientFault } from '../core/recipient.ts'
import { WrongUsage } from './failures.ts'

/** As WhatsApp takes it. */
const TEXT_CHARACTERS_MAX = 65_536

export function idArgument(text: string): string {
  if (hasIdForm(text)) return text
  throw new InvalidArgumentError(
    'An id has 1 to 64 characters, of A-Z a-z 0-9 _ . -, and begins with a letter or digit.',
  )
}

/** An operation's id may be its kind followed by a serverId, so it may be longer than an id. */
export function operationArgument(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$/.test(text)) return text
  throw new InvalidArgumentError('The command `operations` lists the ids of the operations under way.')
}

/** @returns the digits, with the country code */
export function phoneArgument(text: string): string {
  const read = readPhoneNumber(text)
  if ('digits' in read) return read.digits
  throw new InvalidArgumentError(`It ${read.fault}.`)
}

export function recipientArgument(text: string): string {
  const fault = recipientFault(text)
  if (fault === undefined) return text
  throw new InvalidArgumentError(`It ${fault}.`)
}

export function textArgument(text: string): string {
  if (text.length > 0 && text.length <= TEXT_CHARACTERS_MAX) return text
  throw new InvalidArgumentError(`A text has 1 to ${TEXT_CHARACTERS_MAX} characters.`)
}

export function positiveNumber(text: string): number {
  const number = Number(text)
  if (Number.isSafeInteger(number) && number > 0) return number
  throw new InvalidArgumentError('It must be a whole number, 1 or more.')
}

const AGO = /^(\d{1,6})(s|m|min|h|d)$/
const UNIT_MS: Record<string, number> = { s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 }

/** Reads a time, or an age: how long ago the time was.
 *  @returns the time as the API takes it
 *  @throws WrongUsage when the text is neither */
export function readTime(option: string, text: string, nowMs: number): string {
  const [, count, unit] = AGO.exec(text) ?? []
  const ms = count && unit ? nowMs - Number(count) * (UNIT_MS[unit] ?? 0) : Date.parse(text)
  if (!Number.isNaN(ms)) return new Date(ms).toISOString()
  throw new WrongUsage(
    `${option} takes a time such as 2030-01-31T12:00:00Z, or an age such as 15m, 2h or 3d.`,
  )
}
