/** Numbers and times as people read them. Pure. */

const UNITS = [
  { ms: 86_400_000, name: 'd' },
  { ms: 3_600_000, name: 'h' },
  { ms: 60_000, name: 'min' },
] as const

/** A name from outside that is longer is shown by its beginning. */
const NAME_CHARACTERS_MAX = 80

/** How long ago something was, in the largest unit that fits. */
export function age(sinceMs: number, nowMs: number): string {
  return span(Math.max(0, nowMs - sinceMs))
}

export function span(ms: number): string {
  const unit = UNITS.find((candidate) => ms >= candidate.ms)
  return unit ? `${Math.floor(ms / unit.ms)} ${unit.name}` : `${Math.floor(ms / 1000)} s`
}

export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

/** The first lines, and how many more there are; `where` tells how to see the rest. */
export function few(lines: readonly string[], shownMax: number, where = ''): readonly string[] {
  const left = lines.length - shownMax
  return left <= 0 ? lines : [...lines.slice(0, shownMax), `and ${left} more${where}`]
}

/** A joiner or a selector inside an emoji, without which a family becomes three people. */
const IN_EMOJI =
  '(?<=\\p{Extended_Pictographic}[\\ufe0f\\p{Emoji_Modifier}]?)\\u200d(?=\\p{Extended_Pictographic})' +
  '|(?<=\\p{Extended_Pictographic})\\ufe0f|(?<=[0-9#*])\\ufe0f(?=\\u20e3)'
/** Controls, line ends of every kind, halves of characters, and everything that takes no room: marks of
 *  direction, joiners, selectors, tags. */
const HIDDEN = '[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Default_Ignorable_Code_Point}]'
const IN_EMOJI_OR_HIDDEN = new RegExp(`(${IN_EMOJI})|${HIDDEN}`, 'gu')
const HIDDEN_ANYWHERE = new RegExp(HIDDEN, 'gu')

/** Text from outside, without characters that would move the cursor, turn the line around, or hide. */
export function plain(text: string): string {
  return text.replaceAll(IN_EMOJI_OR_HIDDEN, (_, inEmoji: string | undefined) => inEmoji ?? ' ')
}

/** JSON in which the same characters are escaped, so that a terminal is safe and nothing is lost. */
export function plainJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replaceAll(HIDDEN_ANYWHERE, (hidden) =>
    hidden === '\n' ? hidden : escaped(hidden),
  )
}

function escaped(text: string): string {
  return Array.from({ length: text.length }, (_, at) => text.charCodeAt(at))
    .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
    .join('')
}

/** A name from outside that neither steers a terminal nor fills it. */
export function shown(name: string, charactersMax = NAME_CHARACTERS_MAX): string {
  return plain(shortened(name, charactersMax))
}

/** The beginning of a text that is too long, with a mark that there was more. No character is cut in two. */
export function shortened(text: string, charactersMax: number): string {
  if (text.length <= charactersMax) return text
  const end = /[\ud800-\udbff]/.test(text.charAt(charactersMax - 1)) ? charactersMax - 1 : charactersMax
  return `${text.slice(0, end)}…`
}
