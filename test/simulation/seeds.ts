/** Checks a row of seeds for a test: it tells the first story of a violation, and fails when there is one. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { checkSeeds } from './pool.ts'
import { createSummary } from './summary.ts'

export async function assertSeedsHold(context: TestContext, firstSeed: number, seeds: number): Promise<void> {
  const begun = performance.now()
  const summary = createSummary()

  await checkSeeds({ firstSeed, seeds, checked: (checked) => summary.add(checked) })

  context.diagnostic(summary.inWords(performance.now() - begun))
  for (const story of summary.stories.slice(0, 1)) context.diagnostic(story)
  assert.equal(summary.seeds, seeds)
  assert.equal(summary.stories.length, 0, 'an invariant was broken: the first story is told above')
}
