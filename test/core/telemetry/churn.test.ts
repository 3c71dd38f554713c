import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CHURN_METRICS } from '../../../core/catalogue.ts'
import { churnLedger, readChurn } from '../../../core/telemetry/churn.ts'
import { cuttable } from '../../builders/faulty-stores.ts'
import { fresh } from '../../builders/fresh.ts'

const t = fresh()

describe('churn', () => {
  test('is the sum of the counts of all Lambdas and servers', async () => {
    const one = churnLedger(t.store, t.clock)
    const other = churnLedger(t.store, t.clock)
    one.count('Assignments', 3)
    one.count('Conflicts', 1)
    other.count('Assignments', 4)
    await Promise.all([one.flush(), other.flush()])

    const sums = await readChurn(t.store, t.clock, 15)

    assert.equal(sums.Assignments, 7)
    assert.equal(sums.Conflicts, 1)
    assert.equal(sums.Evictions, 0)
  })

  test('names every churn metric, counted or not', async () => {
    const sums = await readChurn(t.store, t.clock, 15)

    assert.deepEqual(Object.keys(sums), CHURN_METRICS)
    assert.deepEqual(new Set(Object.values(sums)), new Set([0]))
  })

  test('adds up the minutes of the question and leaves out earlier ones', async () => {
    const ledger = churnLedger(t.store, t.clock)
    ledger.count('Moves', 100)
    await ledger.flush()
    t.clock.advance(10 * 60_000)
    ledger.count('Moves', 10)
    await ledger.flush()
    t.clock.advance(7 * 60_000)
    ledger.count('Moves', 1)
    await ledger.flush()

    assert.equal((await readChurn(t.store, t.clock, 15)).Moves, 11)
    assert.equal((await readChurn(t.store, t.clock, 20)).Moves, 111)
    assert.equal((await readChurn(t.store, t.clock, 1)).Moves, 1)
  })

  test('is written once per flush, and not at all when nothing was counted', async () => {
    const ledger = churnLedger(t.store, t.clock)
    ledger.count('Moves', 1)
    await ledger.flush()
    await ledger.flush()

    assert.equal((await readChurn(t.store, t.clock, 1)).Moves, 1)
    await churnLedger({ ...cutStore() }, t.clock).flush()
  })

  test('expires after an hour', async () => {
    const ledger = churnLedger(t.store, t.clock)
    ledger.count('Moves', 1)
    await ledger.flush()

    const { rows } = await t.store.query('History', { partition: '_fleet' })

    assert.deepEqual(
      rows.map((row) => row.expiresAt),
      [t.clock.wallMs() / 1000 + 3600],
    )
  })

  function cutStore() {
    const store = cuttable(t.store)
    store.cut()
    return store
  }
})
