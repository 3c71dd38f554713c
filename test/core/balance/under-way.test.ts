import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { readUnderWay } from '../../../core/balance/under-way.ts'
import { serverId } from '../../../core/ids.ts'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import * as build from '../../builders/builders.ts'

let tables: build.Tables

before(async () => {
  tables = await build.embeddedTables()
})
after(() => tables.close())

/** The ledger has the move from server-0 to server-1. Server-0 owns the device unless `change` differs. */
async function aMove(change: Partial<DeviceRow> = {}) {
  const world = await build.aWorld(tables)
  const from = await build.anActiveServer(world, 'server-0')
  const { deviceId } = await build.anOwnedDevice(world, from)
  await world.store.update('Devices', { deviceId }, { set: { ...change, name: 'moved' }, when: [] })
  const askedAt = world.clock.wallMs()
  const entry = { deviceId, from: from.serverId, to: serverId('server-1'), askedAt }
  const readAfter = (ms: number) => readUnderWay(world.store, [entry], askedAt + ms)
  return { readAfter }
}

const ARRIVED: Partial<DeviceRow> = { owner: serverId('server-1'), status: 'connecting' }

describe('a device that rebalancing moves', () => {
  test('is under way while its owner is asked to release it', async () => {
    const { readAfter } = await aMove({ moveTo: serverId('server-1') })

    const [move] = await readAfter(119_999)

    assert.equal(move?.hasArrived, false)
  })

  test('makes room for others when its owner does not release it within two minutes', async () => {
    const { readAfter } = await aMove({ moveTo: serverId('server-1') })

    assert.deepEqual(await readAfter(120_000), [])
  })

  test('counts for ten seconds when nobody has asked it to move', async () => {
    const { readAfter } = await aMove()

    assert.equal((await readAfter(9999)).length, 1)
    assert.deepEqual(await readAfter(10_000), [])
  })

  test('has arrived when another server owns it, and makes room after 30 s', async () => {
    const { readAfter } = await aMove(ARRIVED)

    const [move] = await readAfter(29_999)

    assert.equal(move?.hasArrived, true)
    assert.deepEqual(await readAfter(30_000), [])
  })

  test('is no longer under way when it is not wanted running', async () => {
    const { readAfter } = await aMove({ desired: 'stopped' })

    assert.deepEqual(await readAfter(0), [])
  })
})
