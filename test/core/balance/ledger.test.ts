import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  movesWithinWindow,
  pause,
  readLedger,
  resume,
  saveStatus,
  spend,
} from '../../../core/balance/ledger.ts'
import type { RebalancingStatus } from '../../../core/store/fleet-row.ts'
import * as build from '../../builders/builders.ts'
import { WALL_START_MS } from '../../builders/manual-clock.ts'

const MINUTE_MS = 60_000

let tables: build.Tables

before(async () => {
  tables = await build.embeddedTables()
})
after(() => tables.close())

function aStanding(why: string): RebalancingStatus {
  return { state: 'balanced', why, bandPercent: 10, budget: 5, underWay: [], spent: [] }
}

describe('the ledger of rebalancing', () => {
  test('is saved by only one of two sweeps that have read the same row', async () => {
    const { store } = await build.aWorld(tables)
    const read = await readLedger(store)

    const first = await saveStatus(store, read, aStanding('the first sweep'))
    const second = await saveStatus(store, read, aStanding('the second sweep'))

    assert.equal(first, true)
    assert.equal(second, false)
    assert.equal((await readLedger(store)).status?.why, 'the first sweep')
  })

  test('is saved again by a sweep that has read the latest row', async () => {
    const { store } = await build.aWorld(tables)
    await saveStatus(store, await readLedger(store), aStanding('before'))

    const saved = await saveStatus(store, await readLedger(store), aStanding('after'))

    assert.equal(saved, true)
    assert.equal((await readLedger(store)).status?.why, 'after')
  })

  test('refuses a sweep that has read before a pause', async () => {
    const { store, clock } = await build.aWorld(tables)
    await saveStatus(store, await readLedger(store), aStanding('before'))
    const read = await readLedger(store)

    await pause(store, clock, 'key-1')

    assert.equal(await saveStatus(store, read, aStanding('too late')), false)
  })

  test('tells by which key it was paused, and when', async () => {
    const { store, clock } = await build.aWorld(tables)

    const { paused } = await pause(store, clock, 'key-1')

    assert.equal(paused?.by, 'key-1')
    assert.equal(paused?.at, WALL_START_MS)
  })

  test('keeps its status over a pause and the end of the pause', async () => {
    const { store, clock } = await build.aWorld(tables)
    await saveStatus(store, await readLedger(store), aStanding('kept'))
    await pause(store, clock, 'key-1')

    const ledger = await resume(store)

    assert.equal(ledger.paused, undefined)
    assert.equal(ledger.status?.why, 'kept')
  })
})

describe('the budget of moves', () => {
  test('adds the moves of one minute up', () => {
    const spent = spend(spend([], WALL_START_MS, 2), WALL_START_MS + 1000, 3)

    assert.equal(spent.length, 1)
    assert.equal(spent[0]?.moves, 5)
  })

  test('counts the moves of this minute and of the ten before, and no older ones', () => {
    const spent = spend([], WALL_START_MS, 4)

    assert.equal(movesWithinWindow(spent, WALL_START_MS + 10 * MINUTE_MS), 4)
    assert.equal(movesWithinWindow(spent, WALL_START_MS + 11 * MINUTE_MS), 0)
  })

  test('counts moves that seem to lie ahead, after a clock was set back', () => {
    const spent = spend([], WALL_START_MS, 4)

    assert.equal(movesWithinWindow(spent, WALL_START_MS - 60 * MINUTE_MS), 4)
  })
})
