import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runChaos } from '../chaos/run.ts'
import { drawTable } from '../chaos/table.ts'

/** Its minute holds each kind of fault but a socket that falls silent, which takes longer to be noticed. */
const SEED = 1

test('in a minute of chaos no two running servers hold a socket for one device, and all is well after it', {
  timeout: 300_000,
}, async (context) => {
  const logDir = mkdtempSync(join(tmpdir(), 'mooring-chaos-'))
  const outcome = await runChaos({
    fleet: 'mooring',
    seed: SEED,
    seconds: 60,
    devices: 20,
    servers: 4,
    logDir,
    stop: new AbortController().signal,
    tell: () => undefined,
  })
  for (const line of [...drawTable([outcome]), `logs: ${logDir}`]) context.diagnostic(line)
  for (const violation of outcome.violations) context.diagnostic(violation)
  assert.deepEqual(outcome.violations, [])
  const struck = [...outcome.struck.values()].reduce((sum, count) => sum + count, 0)
  assert.ok(struck > 30 && outcome.moves > 0, `${struck} faults, ${outcome.moves} moves`)
})
