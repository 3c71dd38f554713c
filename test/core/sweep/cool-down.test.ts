import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { coolDown } from '../../../core/sweep/cool-down.ts'
import * as build from '../../builders/builders.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

let tables: build.Tables

before(async () => {
  tables = await build.embeddedTables()
})
after(() => tables.close())

describe('a cool-down', () => {
  test('is begun by only one of two sweeps', async () => {
    const first = await build.aWorld(tables)
    const second = build.worldOn(first.store, 2)

    const begun = await Promise.all([coolDown(first, 'scale-out', 120), coolDown(second, 'scale-out', 120)])

    assert.deepEqual(begun.sort(), [false, true])
  })

  test('lasts until its time is over', async () => {
    const world = await build.aWorld(tables)
    await coolDown(world, 'scale-out', 120)

    world.clock.advance(119_000)

    assert.equal(await coolDown(world, 'scale-out', 120), false)
  })

  test('ends by time alone, and the next one can begin', async () => {
    const world = await build.aWorld(tables)
    await coolDown(world, 'scale-out', 120)

    world.clock.advance(120_000)

    assert.equal(await coolDown(world, 'scale-out', 120), true)
  })

  test('is not made longer by a sweep that is refused', async () => {
    const world = await build.aWorld(tables)
    await coolDown(world, 'scale-out', 120)
    world.clock.advance(60_000)
    await coolDown(world, 'scale-out', 120)

    world.clock.advance(60_000)

    assert.equal(await coolDown(world, 'scale-out', 120), true)
  })

  test('does not last longer because the time of day was far ahead when it began', async () => {
    const world = await build.aWorld(tables)
    world.clock.setWallBy(DAY_MS)
    await coolDown(world, 'scale-out', 120)

    world.clock.setWallBy(-DAY_MS)

    assert.equal(await coolDown(world, 'scale-out', 120), true)
  })

  test('holds for a sweep whose time of day is a minute behind', async () => {
    const world = await build.aWorld(tables)
    await coolDown(world, 'scale-out', 120)

    world.clock.setWallBy(-MINUTE_MS)

    assert.equal(await coolDown(world, 'scale-out', 120), false)
  })

  test('of scaling out does not hold up scaling in', async () => {
    const world = await build.aWorld(tables)
    await coolDown(world, 'scale-out', 120)

    assert.equal(await coolDown(world, 'scale-in', 600), true)
  })
})
