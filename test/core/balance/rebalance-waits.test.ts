import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { pause, readLedger, resume } from '../../../core/balance/ledger.ts'
import type { Seen } from '../../../core/balance/rebalance.ts'
import { beginOperation, RESTART_ID } from '../../../core/operations/operations.ts'
import { beginSweep } from '../../../core/sweep/sweep.ts'
import * as build from '../../builders/builders.ts'
import { interrupted } from '../../builders/faulty-stores.ts'

import { aFleet, asked, look, MINUTE, status } from './rebalance-scene.ts'

let tables: build.Tables
before(async () => {
  tables = await build.embeddedTables()
})
after(() => tables.close())

describe('rebalancing waits, and says for what,', () => {
  const reasons: [string, Partial<Seen>, RegExp][] = [
    ['while the brake is on', { braking: true }, /brake/],
    ['while a server misses beats', { quiet: [build.aServerRow('full')] }, /"full" has missed beats/],
    ['while devices wait for a server', { waiting: 1 }, /devices wait for a server/],
  ]
  for (const [when, seen, why] of reasons) {
    test(when, async () => {
      const { world, ids } = await aFleet(tables)

      await look(world, seen)

      assert.deepEqual(await asked(world, ids), [])
      assert.equal((await status(world))?.state, 'waiting')
      assert.match((await status(world))?.why ?? '', why)
    })
  }

  test('within ten minutes of a burial', async () => {
    const { world, full, empty, ids } = await aFleet(tables)
    const silent = await build.anActiveServer(world, 'silent')
    const sweep = beginSweep(world)

    await build.lookEverySecond(world, sweep, 20, [full, empty])
    assert.equal((await build.serverRow(world.store, silent.serverId)).state, 'dead')
    assert.deepEqual(await asked(world, ids), [])
    assert.match((await status(world))?.why ?? '', /"silent" was buried/)

    world.clock.advance(10 * MINUTE)
    await build.lookEverySecond(world, beginSweep(world), 10, [full, empty])
    assert.ok((await asked(world, ids)).length > 0)
  })

  test('while a restart of the fleet runs', async () => {
    const { world, ids } = await aFleet(tables)
    const restart = {
      operationId: RESTART_ID,
      kind: 'restart',
      steps: [],
      why: 'begun',
      askedBy: 'key',
    } as const
    await beginOperation(world.store, world.clock, restart as never)

    await look(world)

    assert.deepEqual(await asked(world, ids), [])
    assert.match((await status(world))?.why ?? '', /restart/)
  })

  test('when it is switched off', async () => {
    const { world, ids } = await aFleet(tables, { enabled: false })

    await look(world)

    assert.deepEqual(await asked(world, ids), [])
    assert.equal((await status(world))?.state, 'paused')
  })

  test('while it is paused; and goes on afterwards', async () => {
    const { world, ids } = await aFleet(tables)
    await pause(world.store, world.clock, 'key-1')

    await look(world)
    assert.deepEqual(await asked(world, ids), [])
    assert.equal((await readLedger(world.store)).paused?.by, 'key-1')

    await resume(world.store)
    await look(world)
    assert.equal((await asked(world, ids)).length, 4)
  })

  test('when it is paused between its look and its decision', async () => {
    const { world, ids } = await aFleet(tables)
    let times = 0
    const store = interrupted(world.store, 'Operations', async () => {
      if (times++ === 0) await pause(world.store, world.clock, 'key-1')
    })

    await look({ ...world, store })

    assert.deepEqual(await asked(world, ids), [])
    assert.equal((await readLedger(world.store)).paused?.by, 'key-1')
  })
})
