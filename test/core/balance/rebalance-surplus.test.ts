import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { takeFromSurplus } from '../../../core/requests/server-requests.ts'
import * as build from '../../builders/builders.ts'

import { aFleet, carryOut, look, surplusOf } from './rebalance-scene.ts'

let tables: build.Tables
before(async () => {
  tables = await build.embeddedTables()
})
after(() => tables.close())

describe('a surplus', () => {
  test('is told to servers that have more than their part, and lowered as they give', async () => {
    const { world, full, empty, ids } = await aFleet(tables, { inFlightPerServer: 1 })

    const told: (number | undefined)[] = []
    for (let looks = 0; looks < 5; looks++) {
      await look(world)
      told.push(await surplusOf(world, full))
      await carryOut(world, ids)
    }

    // The fourth move brings the two within the band: 6 and 4 of 20.
    assert.deepEqual(told, [4, 3, 2, undefined, undefined])
    assert.equal(await surplusOf(world, empty), undefined)
  })

  test('that was taken from is not raised before the loads can show it', async () => {
    const { world, full } = await aFleet(tables, { shareOfFleetPercent: 1 })
    await look(world)
    assert.equal(await surplusOf(world, full), 4)
    await takeFromSurplus(world.store, full.serverId)

    world.clock.advance(29_000)
    await look(world)
    assert.equal(await surplusOf(world, full), 3)

    world.clock.advance(1000)
    await look(world)
    assert.equal(await surplusOf(world, full), 4)
  })

  test('is taken one by one, never below zero, by callers that ask at the same moment', async () => {
    const { world, full } = await aFleet(tables, { inFlightPerServer: 1 })
    await look(world)

    const taken = await Promise.all(
      Array.from({ length: 8 }, () => takeFromSurplus(world.store, full.serverId)),
    )

    assert.equal(taken.filter(Boolean).length, 4)
    assert.equal(await surplusOf(world, full), 0)
  })

  test('ends while nothing may move', async () => {
    const { world, full } = await aFleet(tables, { inFlightPerServer: 1 })
    await look(world)
    assert.equal(await surplusOf(world, full), 4)

    await look(world, { waiting: 1 })

    assert.equal(await surplusOf(world, full), undefined)
  })
})
