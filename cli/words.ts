/** Numbers and times as people read them. Pure. */

const UNITS = [
  { ms: 86_400_000, name: 'd' },
  { ms: 3_600_000, name: 'h' },
  { ms: 60_000, name: 'min' },
] as const

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

/** Text from outside, without characters that would move the cursor or turn the line around. */
export function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu, ' ')
}
