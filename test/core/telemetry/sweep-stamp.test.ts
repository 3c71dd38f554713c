import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readSweepStamp, stampSweep } from '../../../core/telemetry/sweep-stamp.ts'
import { fresh } from '../../builders/fresh.ts'

const t = fresh()

test('the stamp is the time of the last look, and there is none before the first', async () => {
  assert.equal(await readSweepStamp(t.store), undefined)

  await stampSweep(t.store, t.clock)
  t.clock.advance(5000)
  await stampSweep(t.store, t.clock)

  assert.equal(await readSweepStamp(t.store), t.clock.wallMs())
})
