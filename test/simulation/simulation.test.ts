import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { checkSeeds } from './pool.ts'
import { run } from './run.ts'
import { scenarios } from './scenario.ts'
import { createSummary } from './summary.ts'

const SEEDS = 1000

test(`over ${SEEDS} seeds of faults every invariant holds after every step, and at the end everything connects`, async (t) => {
  const begun = performance.now()
  const summary = createSummary()

  await checkSeeds({ firstSeed: 1, seeds: SEEDS, checked: (checked) => summary.add(checked) })

  t.diagnostic(summary.inWords(performance.now() - begun))
  for (const story of summary.stories.slice(0, 1)) t.diagnostic(story)
  assert.equal(summary.seeds, SEEDS)
  assert.equal(summary.stories.length, 0, 'an invariant was broken: the first story is told above')
})

test('the same seed gives the same run, event by event', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios(7), async (scenario) => {
      const first = await run(scenario, { isTraced: true })
      const second = await run(scenario, { isTraced: true })

      assert.ok(first.trace.length > 100)
      assert.deepEqual(second, first)
    }),
    { seed: 7, numRuns: 3 },
  )
})
