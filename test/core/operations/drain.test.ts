import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { beginDrain, cancelDrain } from '../../../core/operations/drain-requests.ts'
import { advanceOperations } from '../../../core/operations/steps.ts'
import { assign } from '../../../core/placement/assign.ts'
import { buryExited, leave, setOutDrained } from '../../../core/protocol/membership.ts'
import { requestMove, stop } from '../../../core/requests/device-requests.ts'
import * as build from '../../builders/builders.ts'
import { aDrain, askedToMove, connect, releaseAsked, runToItsEnd } from './drain-scene.ts'

let tables: build.Tables
before(async () => {
  tables = await build.embeddedTables()
})
after(() => tables.close())

describe('a drain', () => {
  test('moves every device, never more at once than it may, and ends when its server owns none', async () => {
    const { world, from, to, ids, operation } = await aDrain(tables)

    const seen = await runToItsEnd(world, from, operation)

    assert.deepEqual(await build.ownedCounts(world.store, ids, [from, to]), [0, 6])
    assert.equal(Math.max(...seen.map(({ moving }) => moving.length)), 2)
    const { state, moved, devicesAtStart, why } = await operation()
    assert.equal(state, 'done')
    assert.equal(moved, 6)
    assert.equal(devicesAtStart, 6)
    assert.equal(why, 'server "from" has no devices any more; it takes no new ones')
  })

  test('asks the next device only when a device that was asked has settled elsewhere', async () => {
    const { world, from, ids, operation } = await aDrain(tables)
    await advanceOperations(world)
    const first = await releaseAsked(world, from)
    await assign(world, first)

    await advanceOperations(world)
    const whileConnecting = await askedToMove(world, ids)
    await connect(world, first.slice(0, 1))
    await advanceOperations(world)

    assert.equal(first.length, 2)
    assert.equal(whileConnecting, 0)
    assert.equal(await askedToMove(world, ids), 1)
    assert.equal((await operation()).moved, 1)
  })

  test('waits no longer than 30 s for a device that has left and does not connect', async () => {
    const { world, from, ids } = await aDrain(tables)
    await advanceOperations(world)
    await assign(world, await releaseAsked(world, from))

    world.clock.advance(29_000)
    await advanceOperations(world)
    const before = await askedToMove(world, ids)
    world.clock.advance(1000)
    await advanceOperations(world)

    assert.equal(before, 0)
    assert.equal(await askedToMove(world, ids), 2)
  })

  test('rings its server once for a wave, not once for each device', async () => {
    const { world } = await aDrain(tables, { atOnce: 5 })

    await advanceOperations(world)

    assert.deepEqual(world.rings, ['from'])
    assert.equal(world.told('device.move_requested').length, 5)
  })

  test('stays within its bound when two sweeps look at once', async () => {
    const { world, ids } = await aDrain(tables)
    const other = build.worldOn(world.store, 2)

    await Promise.all([advanceOperations(world), advanceOperations(other)])
    await Promise.all([advanceOperations(world), advanceOperations(other)])

    assert.equal(await askedToMove(world, ids), 2)
  })

  test('asks the devices that a crashed sweep had written down and not asked', async () => {
    const { world, ids, operation } = await aDrain(tables)
    const askedAt = world.clock.wallMs()
    const [first] = ids
    if (!first) throw new Error('a device')
    await world.store.put('Operations', {
      ...(await operation()),
      moving: [{ deviceId: first, askedAt }],
      version: 1,
    })

    await advanceOperations(world)

    assert.equal((await build.deviceRow(world.store, first)).moveTo, 'any')
    assert.equal(await askedToMove(world, ids), 2)
  })

  test('moves no more devices than the other servers have room for, and says so', async () => {
    const { world, from, ids, operation } = await aDrain(tables, { room: 1 })

    await advanceOperations(world)
    const asked = await askedToMove(world, ids)
    const moved = await releaseAsked(world, from)
    await assign(world, moved)
    await connect(world, moved)
    await advanceOperations(world)

    assert.equal(asked, 1)
    assert.equal(await askedToMove(world, ids), 0)
    assert.equal((await operation()).why, '5 devices wait for room: no other active server has any')
  })

  test('sends the devices to the server that was named', async () => {
    const { world, from, to, ids, operation } = await aDrain(tables)
    await build.anActiveServer(world, 'emptier', { capacity: 1000 })
    await cancelDrain(world, await build.serverRow(world.store, from.serverId))
    await beginDrain(world, await build.serverRow(world.store, from.serverId), {
      askedBy: 'key-1',
      to: to.serverId,
    })

    await runToItsEnd(world, from, operation)

    assert.deepEqual(await build.ownedCounts(world.store, ids, [to]), [6])
  })

  test('leaves a device alone that another request moves, or that is wanted stopped', async () => {
    const { world, from, to, ids, operation } = await aDrain(tables, { devices: 2 })
    const [one, two] = ids
    if (!one || !two) throw new Error('two devices')
    await requestMove(world.store, world.clock, {
      device: one,
      from: from.serverId,
      to: to.serverId,
      moveId: 'mine',
      why: 'a test',
    })
    await stop(world.store, world.clock, two, 'by the operator')

    await advanceOperations(world)

    assert.deepEqual((await operation()).moving, [])
    assert.equal((await build.deviceRow(world.store, one)).moveId, 'mine')
  })
})

describe('a drain after which the server leaves', () => {
  test('tells the server so in its row, and is done when it has left', async () => {
    const { world, from, operation } = await aDrain(tables, { devices: 0, thenLeave: true })

    await advanceOperations(world)
    const row = await build.serverRow(world.store, from.serverId)
    const waiting = await operation()
    const mayLeave = await setOutDrained(world.store, from.serverId)
    await leave(world.store, row)
    await advanceOperations(world)

    assert.equal(row.thenLeave, true)
    assert.equal(mayLeave, true)
    assert.equal(waiting.state, 'running')
    assert.equal(waiting.why, 'it has no devices any more and is about to leave')
    assert.equal((await operation()).state, 'done')
    assert.equal((await operation()).why, 'server "from" has left')
  })

  test('ends when the server dies half way, too: its devices are evicted', async () => {
    const { world, from, operation } = await aDrain(tables, { thenLeave: true })
    await advanceOperations(world)
    await buryExited(world.store, from, 'exit code 137')

    await advanceOperations(world)
    const whileUnderWay = (await operation()).state
    world.clock.advance(30_000)
    await advanceOperations(world)

    assert.equal(whileUnderWay, 'running')
    assert.equal((await operation()).state, 'done')
    assert.match((await operation()).why, /is gone; what it still owned is evicted/)
  })

  test('lets no server leave by itself that was not asked to', async () => {
    const { world, from } = await aDrain(tables, { devices: 0 })
    await advanceOperations(world)

    assert.equal(await setOutDrained(world.store, from.serverId), false)
  })
})
