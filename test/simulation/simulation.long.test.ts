import { test } from 'node:test'
import { assertSeedsHold } from './seeds.ts'

/** simulation.test.ts checks the seeds before these: together they are the first thousand. */
const FIRST_SEED = 101
const SEEDS = 900

test(`over ${SEEDS} more seeds every invariant holds after every step, and every device connects in the end`, (t) =>
  assertSeedsHold(t, FIRST_SEED, SEEDS))
