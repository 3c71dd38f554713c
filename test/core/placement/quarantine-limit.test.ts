import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { mayQuarantine } from '../../../core/placement/quarantine-limit.ts'
import * as build from '../../builders/builders.ts'

const PER_HOUR = 10
const HOUR_MS = 3_600_000

let tables: build.Tables

before(async () => {
  tables = await build.embeddedTables()
})
after(() => tables.close())

async function afterQuarantines(count: number) {
  const world = await build.aWorld(tables)
  for (let taken = 0; taken < count; taken++) await mayQuarantine(world)
  return world
}

describe('the limit of quarantines', () => {
  test('grants the tenth quarantine of an hour', async () => {
    const world = await afterQuarantines(PER_HOUR - 1)

    assert.equal(await mayQuarantine(world), true)
  })

  test('refuses the eleventh quarantine of an hour', async () => {
    const world = await afterQuarantines(PER_HOUR)

    assert.equal(await mayQuarantine(world), false)
  })

  test('grants ten again in the next hour', async () => {
    const world = await afterQuarantines(PER_HOUR)

    world.clock.advance(HOUR_MS)

    assert.equal(await mayQuarantine(world), true)
  })

  test('is one for the whole fleet: another observer counts on', async () => {
    const world = await afterQuarantines(PER_HOUR)

    assert.equal(await mayQuarantine(build.worldOn(world.store, 2)), false)
  })

  test('holds when many observers ask at the same time', async () => {
    const world = await build.aWorld(tables)

    const granted = await Promise.all(Array.from({ length: 15 }, () => mayQuarantine(world)))

    assert.equal(granted.filter(Boolean).length, PER_HOUR)
  })
})
