import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { pause, readLedger } from '../../../core/balance/ledger.ts'
import { hasIdForm } from '../../../core/ids.ts'
import { listRunning, RESTART_ID, readOperation } from '../../../core/operations/operations.ts'
import { mayQuarantine } from '../../../core/placement/quarantine-limit.ts'
import { fleetRowId } from '../../../core/store/fleet-row.ts'
import { scanAll } from '../../../core/store/store.ts'
import { coolDown } from '../../../core/sweep/cool-down.ts'
import { fresh } from '../../builders/fresh.ts'

const t = fresh()

describe('what the fleet has decided', () => {
  test('is stored beside the operations and is none of them', async () => {
    await pause(t.store, t.clock, 'key-1')
    await coolDown(t.world, 'scale-in', 60)
    await mayQuarantine(t.world)

    const items = await scanAll(t.store, 'Operations')

    const kinds = items.map(({ kind }) => kind).sort()
    assert.deepEqual(kinds, ['cool-down', 'quarantine-limit', 'rebalancing'])
    assert.deepEqual(await listRunning(t.store), [])
    for (const { operationId } of items) {
      assert.equal(await readOperation(t.store, operationId), undefined)
    }
  })

  test('is in rows that no id of the API can name, and no operation can overwrite', () => {
    assert.equal(hasIdForm(fleetRowId('rebalancing')), false)
    assert.notEqual(fleetRowId('restart'), RESTART_ID)
  })

  test('is kept apart: each cool-down lasts for itself, and none touches the ledger', async () => {
    assert.equal(await coolDown(t.world, 'scale-in', 60), true)
    assert.equal(await coolDown(t.world, 'scale-out', 60), true)
    assert.equal(await coolDown(t.world, 'scale-in', 60), false)

    assert.deepEqual(await readLedger(t.store), {})
  })
})
