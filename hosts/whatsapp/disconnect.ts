/** Reads why a socket closed, and says what follows. The code decides and never the text, since Baileys' text
 *  "Stream Errored (conflict)" comes with 440 and with 401. The meaning of each code is in close-codes.ts. */
import { Boom } from '@hapi/boom'
import type { Random } from '../../core/random.ts'
import type { Refusal } from '../../core/store/device-row.ts'
import {
  BAN_REASONS,
  CLOSE_CODES,
  type CloseCode,
  FAULT,
  type Follows,
  UNKNOWN_REFUSAL,
  UNREACHED,
  UNREADABLE,
} from './close-codes.ts'

export { FAULT, STALLED, UNREACHED } from './close-codes.ts'

export interface Disconnect {
  readonly next: Follows
}

export function closeCodeOf(code: number): CloseCode {
  // An unknown code from 500 on is an error at WhatsApp, and passes as the known ones do.
  return (
    CLOSE_CODES[code] ?? (code < 500 ? UNKNOWN_REFUSAL : { ...UNKNOWN_REFUSAL, follows: 'reconnect_later' })
  )
}

export function afterDisconnect(code: number): Disconnect {
  return { next: closeCodeOf(code).follows }
}

/** Facts that WhatsApp tells beside the code. */
export interface Told {
  /** WhatsApp names the removal of the device as the cause. */
  readonly isRemoval?: boolean
  /** The reason and the length of a temporary ban, as far as WhatsApp tells them. */
  readonly banCode?: number
  readonly banMs?: number
}

export interface Closing {
  readonly code: number
  /** The text of Baileys or of Mooring, for logs. */
  readonly reason: string
  readonly told?: Told
}

/** A device whose ban has no readable end connects again after this. */
export const BAN_UNKNOWN_MS = 3_600_000
/** A device with a longer ban connects once in between, since the length may be damaged. */
export const BAN_MS_MAX = 30 * 86_400_000

/** Reads the error with which Baileys ends a socket. The error's data tells WhatsApp's own answer from that
 *  of a proxy in between, and from errors of this side. No part of it is trusted to have its proper form. */
export function closingOf(error: Error | undefined): Closing {
  if (error === undefined) return { code: 0, reason: 'closed by this server' }
  if (!(error instanceof Boom)) return { code: FAULT, reason: error.message }
  const { statusCode } = error.output
  const data: unknown = error.data
  if (data instanceof Error) return { code: UNREACHED, reason: whyUnreached(data) }
  const reason = error.message
  // Codes from 900 on are Mooring's own, so WhatsApp cannot have sent one.
  if (!Number.isInteger(statusCode) || statusCode >= 900) return { code: UNREADABLE, reason }
  const attributes = attributesOf(data)
  if (isConflict(data)) return conflicted(statusCode, attributes.type, reason)
  if (statusCode === 402) return { code: 402, reason, told: banOf(attributes) }
  return { code: statusCode, reason }
}

/** Goes by the type of a conflict. Its code may be missing, and Baileys then takes every conflict for 440. */
function conflicted(code: number, type: unknown, reason: string): Closing {
  if (type === 'device_removed') return { code: 401, reason, told: { isRemoval: true } }
  return { code: type === 'replaced' ? 440 : code, reason }
}

function isConflict(data: unknown): boolean {
  return typeof data === 'object' && data !== null && 'tag' in data && data.tag === 'conflict'
}

/** The attributes of a stanza. A `<failure>` brings its attributes without a stanza around them. */
function attributesOf(data: unknown): Readonly<Record<string, unknown>> {
  if (typeof data !== 'object' || data === null) return {}
  const inner = 'attrs' in data ? data.attrs : data
  return typeof inner === 'object' && inner !== null ? { ...inner } : {}
}

function banOf({ code, expire }: Readonly<Record<string, unknown>>): Told {
  const banCode = wholeNumber(code)
  const seconds = wholeNumber(expire)
  return {
    ...(banCode === undefined ? {} : { banCode }),
    ...(seconds === undefined ? {} : { banMs: Math.min(seconds * 1000, BAN_MS_MAX) }),
  }
}

/** @returns undefined for anything but a text of digits */
function wholeNumber(value: unknown): number | undefined {
  return typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : undefined
}

const HTTP_ANSWER = /^Unexpected server response: (\d{3})$/

function whyUnreached(error: Error): string {
  const [, status] = HTTP_ANSWER.exec(error.message) ?? []
  if (status) return `HTTP ${status}`
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message
}

const REASON_CHARACTERS_MAX = 200

/** The words for a device's row and history.
 *  @param until when the device is tried again, if WhatsApp has set the time */
export function wordsOf({ code, reason, told = {} }: Closing, until?: string): string {
  const { name, says, operator, hasReason } = closeCodeOf(code)
  const label = told.isRemoval ? 'device_removed' : name
  const ban = told.banCode === undefined ? undefined : BAN_REASONS[told.banCode]
  const details = [
    hasReason ? plain(reason) : undefined,
    told.banCode === undefined
      ? undefined
      : `${ban ?? 'for a reason that Mooring does not know'} (${told.banCode})`,
    until === undefined ? undefined : `until ${until}`,
  ].filter((detail) => detail !== undefined && detail !== '')
  const detail = details.length > 0 ? `: ${details.join(', ')}` : ''
  return `${says} (${code} ${label})${detail}${operator === undefined ? '' : `; ${operator}`}`
}

/** Makes a text from outside fit to be shown: one line, without control characters. */
function plain(text: string): string {
  return text
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, REASON_CHARACTERS_MAX)
}

const VERSION_RETRY_MS = [600_000, 1_800_000] as const

/** How long every server has to keep the device from connecting.
 *  @param usualMs the wait after other closes. A ban without length must not make the device hammer WhatsApp
 *  @returns undefined for codes that set no such time */
export function refusedForMs(
  random: Random,
  code: number,
  banMs: number | undefined,
  usualMs: () => number,
): number | undefined {
  const { follows } = closeCodeOf(code)
  if (follows === 'wait_for_ban') return Math.max(banMs ?? BAN_UNKNOWN_MS, usualMs())
  if (follows !== 'wait_for_version') return undefined
  const [least, most] = VERSION_RETRY_MS
  return least + random.fraction() * (most - least)
}

/** The refusal that the device's row holds beside that time. */
export function refusalOf(code: number, why: string, clientVersion: string | undefined): Refusal {
  const dependsOnVersion = closeCodeOf(code).follows === 'wait_for_version' && clientVersion !== undefined
  return { code, why, ...(dependsOnVersion ? { clientVersion } : {}) }
}

/** This many conflicts within this time mean a client outside the fleet that keeps coming back. */
export const CONFLICTS_MAX = 3
export const CONFLICT_WINDOW_MS = 10 * 60_000

/** @returns the conflicts that still count, the one at `nowMs` included */
export function recentConflicts(before: readonly number[] | undefined, nowMs: number): number[] {
  return [...(before ?? []).filter((at) => nowMs - at < CONFLICT_WINDOW_MS), nowMs].slice(-CONFLICTS_MAX)
}
