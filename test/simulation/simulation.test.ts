import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { run } from './run.ts'
import { scenarios } from './scenario.ts'
import { assertSeedsHold } from './seeds.ts'

/** The short simulation. simulation.long.test.ts goes on with the next seed, so keep the two in step. */
const SEEDS = 100

test(`over ${SEEDS} seeds every invariant holds after every step, and every device connects in the end`, (t) =>
  assertSeedsHold(t, 1, SEEDS))

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
