/** The events of a run in words, for a person who has to understand a violation. */

export interface Trace {
  say(who: string, what: string): void
  lines(): readonly Line[]
}

export interface Line {
  readonly atMs: number
  readonly who: string
  readonly what: string
}

/** Keeps nothing: of many seeds a run is traced again only when it fails. */
export const noTrace: Trace = { say: () => undefined, lines: () => [] }

export function createTrace(nowMs: () => number): Trace {
  const lines: Line[] = []
  return { say: (who, what) => void lines.push({ atMs: nowMs(), who, what }), lines: () => lines }
}

/** @param linesMax keeps the last lines, which lead to the violation */
export function inWords(lines: readonly Line[], linesMax: number): string {
  const last = lines.slice(-linesMax)
  const left = lines.length - last.length
  return [
    ...(left > 0 ? [`  (${left} earlier lines left out)`] : []),
    ...last.map(
      ({ atMs, who, what }) => `  ${(atMs / 1000).toFixed(3).padStart(8)} s  ${who.padEnd(14)} ${what}`,
    ),
  ].join('\n')
}
