/** The version of the WhatsApp client with which the fleet logs in: three whole numbers. WhatsApp refuses
 *  a version that has become too old (405), and then refuses every device of the fleet at once. */

export type ClientVersion = readonly [number, number, number]

/** Shown wherever the version can be set: a server's environment, the stack, the local fleet. */
export const CLIENT_VERSION_FORM = 'is three whole numbers, for example 2.3000.1027934701'

/** Each part is sent as 32 bits. */
const PART_MAX = 2 ** 32 - 1
const DOTTED = /^(\d{1,10})\.(\d{1,10})\.(\d{1,10})$/
/** The parts as a list of JSON, with or without its brackets. */
const LISTED = /^(\d{1,10})\s*,\s*(\d{1,10})\s*,\s*(\d{1,10})$/
const IN_BRACKETS = /^\[(.*)\]$/s

/** @returns undefined when the text is no version */
export function readClientVersion(text: string): ClientVersion | undefined {
  const trimmed = text.trim()
  const inner = IN_BRACKETS.exec(trimmed)?.[1]?.trim() ?? trimmed
  const parts = (DOTTED.exec(trimmed) ?? LISTED.exec(inner))?.slice(1).map(Number)
  const [primary = 0, secondary = 0, tertiary = 0] = parts ?? []
  // This client never had a version 0 or 1, so such a text is a mistake.
  if (parts === undefined || primary < 2 || parts.some((part) => part > PART_MAX)) return undefined
  return [primary, secondary, tertiary]
}

export function clientVersionText(version: ClientVersion): string {
  return version.join('.')
}
