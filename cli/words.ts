/** Numbers and times as people read them. Pure. */

const UNITS = [
  { ms: 86_400_000, name: 'd' },
  { ms: 3_600_000, name: 'h' },
  { ms: 60_000, name: 'min' },
] as const

/** How long ago, in its largest unit. */
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

/** The first of them, and how many there are more; `where` tells how to see those. */
export function few(lines: readonly string[], shownMax: number, where = ''): readonly string[] {
  const left = lines.length - shownMax
  return left <= 0 ? lines : [...lines.slice(0, shownMax), `and ${left} more${where}`]
}

/** Text that others wrote, without what would move the cursor or turn the line around. */
export function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu, ' ')
}
