/** Runs the scenario of one seed. When it breaks an invariant, fast-check shrinks it, and the rest is told as
 *  a story. */
import fc from 'fast-check'
import { type RunResult, run } from './run.ts'
import { type Scenario, scenarios } from './scenario.ts'
import type { Mutation } from './stage.ts'
import { inWords } from './trace.ts'

/** The search for a smaller scenario ends after this many runs: it only helps the reader. */
const SHRINK_RUNS_MAX = 200
const TRACE_LINES_MAX = 120

export interface Checked {
  readonly seed: number
  readonly result: Omit<RunResult, 'trace'>
  /** The shrunk scenario of a violation, and its events. */
  readonly story?: string
}

/** @param shrink false when the violation alone matters */
export async function checkSeed(seed: number, mutation?: Mutation, shrink = true): Promise<Checked> {
  let first: RunResult | undefined
  let runs = 0
  const property = fc.asyncProperty(scenarios(seed), async (scenario) => {
    if (runs++ > (shrink ? SHRINK_RUNS_MAX : 0)) return true
    const result = await run(scenario, { mutation })
    first ??= result
    return result.violation?.invariant !== first.violation?.invariant || !first.violation
  })
  const checked = await fc.check(property, { seed, numRuns: 1 })
  if (!first) throw new Error(`seed ${seed} drew no scenario`)
  const { trace: _, ...result } = first
  if (!checked.failed || !first.violation) return { seed, result }
  const scenario = checked.counterexample?.[0] as Scenario
  return { seed, result, ...(shrink ? { story: await tell(scenario, mutation) } : {}) }
}

async function tell(scenario: Scenario, mutation: Mutation | undefined): Promise<string> {
  const { violation, trace } = await run(scenario, { mutation, isTraced: true })
  return [
    `seed ${scenario.seed} breaks "${violation?.invariant}" after ${violation?.atMs} ms: ${violation?.why}`,
    `shrunk to ${JSON.stringify(scenario)}`,
    inWords(trace, TRACE_LINES_MAX),
  ].join('\n')
}
