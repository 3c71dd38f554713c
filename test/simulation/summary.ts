/** Adds up the figures of many runs, so that a reader can tell "no violation" from "nothing happened". */
import type { Checked } from './check.ts'

export interface Summary {
  add(checked: Checked): void
  readonly seeds: number
  readonly stories: readonly string[]
  inWords(elapsedMs: number): string
}

const MS_PER_HOUR = 3_600_000

export function createSummary(): Summary {
  const struck = new Map<string, number>()
  const figures = new Map<string, number>()
  const stories: string[] = []
  let seeds = 0
  let steps = 0
  let virtualMs = 0
  let recoveryMsMax = 0

  const addTo = (sums: Map<string, number>, name: string, by: number) =>
    sums.set(name, (sums.get(name) ?? 0) + by)
  const table = (sums: Map<string, number>) =>
    [...sums]
      .sort(([, one], [, other]) => other - one)
      .map(([name, count]) => `  ${name.padEnd(28)} ${grouped(count).padStart(12)}`)

  return {
    get seeds() {
      return seeds
    },
    stories,
    add({ seed, result, story }) {
      seeds += 1
      steps += result.steps
      virtualMs += result.virtualMs
      recoveryMsMax = Math.max(recoveryMsMax, result.recoveryMs)
      for (const [kind, count] of result.struck) addTo(struck, kind, count)
      for (const [name, count] of Object.entries(result.figures)) addTo(figures, name, count)
      if (story) stories.push(story)
      else if (result.violation)
        stories.push(`seed ${seed}: ${result.violation.invariant}: ${result.violation.why}`)
    },
    inWords: (elapsedMs) =>
      [
        `${grouped(seeds)} seeds, ${stories.length} violations, ${grouped(steps)} steps, ` +
          `${(virtualMs / MS_PER_HOUR).toFixed(1)} virtual hours in ${(elapsedMs / 1000).toFixed(0)} s ` +
          `(${((1000 * seeds) / elapsedMs).toFixed(1)} seeds/s)`,
        `every device was connected again at most ${(recoveryMsMax / 1000).toFixed(0)} s after the faults ended`,
        'faults by kind:',
        ...table(struck),
        'events that nobody can prevent, and that healed:',
        ...table(figures),
      ].join('\n'),
  }
}

function grouped(count: number): string {
  return count.toLocaleString('en-US')
}
