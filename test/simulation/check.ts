/** Runs the scenario of one seed; when it breaks an invariant, lets fast-check shrink it and tells the story
 *  of what is left. */
import fc from 'fast-check'
import { type RunResult, run } from './run.ts'
import { type Scenario, scenarios } from './scenario.ts'
import type { Mutation } from './stage.ts'
import { inWords } from './trace.ts'

/** A shrunk scenario is a help for the reader: the search for it ends after this many runs. */
const SHRINK_RUNS_MAX = 200
const TRACE_LINES_MAX = 120

export interface Checked {
  readonly seed: number
  readonly result: Omit<RunResult, 'trace'>
  /** Of a violation: the shrunk scenario and what happened in it. */
  readonly story?: string
}

/** @param shrink false when only whether there is a violation matters */
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
