import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { DeviceId } from '../../../core/ids.ts'
import { beginDrain, cancelDrain, type DrainRequest, runningDrain } from '../../../core/operations/drain.ts'
import { drainId, readOperation } from '../../../core/operations/operations.ts'
import { advanceOperations } from '../../../core/operations/steps.ts'
import { assign } from '../../../core/placement/assign.ts'
import {
  activate,
  announce,
  buryExited,
  leave,
  setOut,
  setOutDrained,
} from '../../../core/protocol/membership.ts'
import { release } from '../../../core/protocol/ownership.ts'
import { requestMove, stop } from '../../../core/requests/device-requests.ts'
import type { Drain } from '../../../core/store/operation-row.ts'
import type { ServerRow } from '../../../core/store/server-row.ts'
import { queryAll } from '../../../core/store/store.ts'
import type { TestWorld } from '../../builders/builders.ts'
import * as build from '../../builders/builders.ts'

let tables: build.Tables
before(async () => {
  tables = await build.embeddedTables()
})
after(() => tables.close())

/** A server with devices, another with room for `room` of them, and a drain of the first. */
async function aDrain({
  devices = 6,
  room = 100,
  ...request
}: Partial<DrainRequest> & { devices?: number; room?: number } = {}) {
  const world = await build.aWorld(tables)
  const from = await build.anActiveServer(world, 'from')
  const to = await build.anActiveServer(world, 'to', { capacity: room })
  const owned = await build.ownedDevices(world, from, devices)
  const ids = owned.map(({ deviceId }) => deviceId)
  const server = await build.serverRow(world.store, from.serverId)
  await beginDrain(world, server, { askedBy: 'key-1', atOnce: 2, ...request })
  const operation = async () => (await readOperation(world.store, drainId(from.serverId))) as Drain
  return { world, from, to, ids, operation }
}

/** Plays the server: it releases the devices that are asked to move. */
async function releaseAsked(world: TestWorld, { serverId }: ServerRow): Promise<DeviceId[]> {
  const owned = await queryAll(world.store, 'Devices', { index: 'byOwner', partition: serverId })
  const asked = owned.filter(({ moveTo }) => moveTo !== undefined)
  for (const { deviceId: device, epoch } of asked) {
    await release(world.store, world.clock, { device, server: serverId, epoch, status: 'unassigned' })
  }
  return asked.map(({ deviceId }) => deviceId)
}

async function connect(world: TestWorld, ids: readonly DeviceId[]): Promise<void> {
  for (const deviceId of ids) {
    await world.store.update('Devices', { deviceId }, { set: { status: 'connected' }, when: [] })
  }
}

/** Looks again and again until the drain has ended; the servers do what they are asked. */
async function runToItsEnd(
  world: TestWorld,
  from: ServerRow,
  operation: () => Promise<Drain>,
): Promise<Drain[]> {
  const seen: Drain[] = []
  for (let look = 0; look < 30; look++) {
    await advanceOperations(world)
    const row = await operation()
    seen.push(row)
    if (row.state !== 'running') return seen
    const ids = await releaseAsked(world, from)
    await assign(world, ids)
    await connect(world, ids)
  }
  throw new Error(`not within 30 looks: ${JSON.stringify(seen.at(-1))}`)
}

async function askedToMove(world: TestWorld, ids: readonly DeviceId[]): Promise<number> {
  const rows = await Promise.all(ids.map((id) => build.deviceRow(world.store, id)))
  return rows.filter(({ moveTo, owner }) => moveTo !== undefined && owner !== undefined).length
}

describe('a drain', () => {
  test('moves every device, never more at once than it may, and ends when its server owns none', async () => {
    const { world, from, to, ids, operation } = await aDrain()

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
    const { world, from, ids, operation } = await aDrain()
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
    const { world, from, ids } = await aDrain()
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
    const { world } = await aDrain({ atOnce: 5 })

    await advanceOperations(world)

    assert.deepEqual(world.rings, ['from'])
    assert.equal(world.told('device.move_requested').length, 5)
  })

  test('stays within its bound when two sweeps look at once', async () => {
    const { world, ids } = await aDrain()
    const other = build.worldOn(world.store, 2)

    await Promise.all([advanceOperations(world), advanceOperations(other)])
    await Promise.all([advanceOperations(world), advanceOperations(other)])

    assert.equal(await askedToMove(world, ids), 2)
  })

  test('asks the devices that a crashed sweep had written down and not asked', async () => {
    const { world, ids, operation } = await aDrain()
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
    const { world, from, ids, operation } = await aDrain({ room: 1 })

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
    const { world, from, to, ids, operation } = await aDrain()
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
    const { world, from, to, ids, operation } = await aDrain({ devices: 2 })
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

  test('is not begun twice: the second call returns the drain that runs', async () => {
    const { world, from, operation } = await aDrain()

    const again = await beginDrain(world, await build.serverRow(world.store, from.serverId), {
      askedBy: 'key-2',
    })

    assert.equal(again.askedBy, 'key-1')
    assert.equal(again.version, (await operation()).version)
  })

  test('of a server that joins, is gone or is on its way out is refused', async () => {
    const world = await build.aWorld(tables)
    const joining = build.newcomer('joining')
    await announce(world.store, world.clock, joining)
    const dead = await build.anActiveServer(world, 'dead')
    await buryExited(world.store, dead, 'exit code 1')
    const leaving = await build.anActiveServer(world, 'leaving')
    await setOut(world.store, leaving.serverId)
    const drainOf = async (id: string) =>
      beginDrain(world, await build.serverRow(world.store, id), { askedBy: 'key-1' })

    await assert.rejects(drainOf('joining'), {
      code: 'SERVER_NOT_ACTIVE',
      message: /joining: .* when it is active/,
    })
    await assert.rejects(drainOf('dead'), { code: 'SERVER_NOT_ACTIVE', message: /dead .* evict it/ })
    await assert.rejects(drainOf('leaving'), { code: 'SERVER_LEAVING' })
  })
})

describe('a drain after which the server leaves', () => {
  test('tells the server so in its row, and is done when it has left', async () => {
    const { world, from, operation } = await aDrain({ devices: 0, thenLeave: true })

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
    const { world, from, operation } = await aDrain({ thenLeave: true })
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
    const { world, from } = await aDrain({ devices: 0 })
    await advanceOperations(world)

    assert.equal(await setOutDrained(world.store, from.serverId), false)
  })
})

describe('a drain that is called off', () => {
  test('gives the server back to the fleet and withdraws the moves that have not begun', async () => {
    const { world, from, ids, operation } = await aDrain({ thenLeave: true })
    await advanceOperations(world)

    const ended = await cancelDrain(world, from)
    await advanceOperations(world)

    const { state, thenLeave, stateReason } = await build.serverRow(world.store, from.serverId)
    assert.equal(state, 'active')
    assert.equal(thenLeave, undefined)
    assert.equal(stateReason, undefined)
    assert.equal(ended?.state, 'cancelled')
    assert.deepEqual(ended?.moving, [])
    assert.equal((await operation()).why, 'called off by the operator after 0 of 6 devices had moved')
    assert.equal(await askedToMove(world, ids), 0)
  })

  test('is ended by the sweep when the call crashed half way', async () => {
    const { world, from, ids, operation } = await aDrain()
    await advanceOperations(world)
    await world.store.update('Servers', { serverId: from.serverId }, { set: { state: 'active' }, when: [] })

    await advanceOperations(world)

    assert.equal((await operation()).state, 'cancelled')
    assert.equal(await askedToMove(world, ids), 0)
  })

  test('can be begun again', async () => {
    const { world, from } = await aDrain()
    await cancelDrain(world, from)

    await beginDrain(world, await build.serverRow(world.store, from.serverId), { askedBy: 'key-1' })

    assert.equal((await runningDrain(world.store, from.serverId))?.moved, 0)
    assert.equal((await build.serverRow(world.store, from.serverId)).state, 'draining')
  })

  test('is refused when nothing drains', async () => {
    const world = await build.aWorld(tables)
    const server = await build.anActiveServer(world, 'web-1')

    await assert.rejects(cancelDrain(world, server), {
      code: 'NOT_DRAINING',
      message: 'server "web-1" is active; nothing drains it',
    })
  })

  test('is refused when the server is on its way out already', async () => {
    const { world, from } = await aDrain({ devices: 0, thenLeave: true })
    await advanceOperations(world)
    await setOutDrained(world.store, from.serverId)

    await assert.rejects(cancelDrain(world, from), { code: 'SERVER_LEAVING' })
    await assert.rejects(activate(world.store, from.serverId), { code: 'SERVER_DEAD' })
  })
})
