import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { movesWithinWindow } from '../../../core/balance/ledger.ts'
import type { DeviceId } from '../../../core/ids.ts'
import { listServers } from '../../../core/protocol/membership.ts'
import { requestMove } from '../../../core/requests/device-requests.ts'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import { beginSweep } from '../../../core/sweep/sweep.ts'
import * as build from '../../builders/builders.ts'
import { interrupted } from '../../builders/faulty-stores.ts'

import { aFleet, asked, become, carryOut, look, MINUTE, rebalancedBy, status } from './rebalance-scene.ts'

let tables: build.Tables
before(async () => {
  tables = await build.embeddedTables()
})
after(() => tables.close())

describe('rebalancing', () => {
  test('asks devices of the fullest server to move to the emptiest, tells the owner, and says why', async () => {
    const { world, full, empty, ids } = await aFleet(tables, { inFlightPerServer: 2 })

    await look(world)

    const moving = await asked(world, ids)
    assert.deepEqual(
      moving.map(({ owner, moveTo, movedFrom }) => [owner, moveTo, movedFrom]),
      [
        ['full', 'empty', 'full'],
        ['full', 'empty', 'full'],
      ],
    )
    assert.deepEqual(world.rings, [full.serverId])
    assert.deepEqual(
      world.told('device.move_requested').map(({ why }) => why),
      Array(2).fill('rebalancing: from server "full" to server "empty"'),
    )
    assert.equal((await status(world))?.state, 'moving')
    assert.equal(empty.load, 0)
  })

  test('ends with the servers within the band, and each device moved once', async () => {
    const { world, full, empty, ids } = await aFleet(tables, { inFlightPerServer: 2 })

    for (let looks = 0; looks < 5; looks++) {
      await look(world)
      await carryOut(world, ids)
    }

    assert.deepEqual(await build.ownedCounts(world.store, ids, [full, empty]), [6, 4])
    assert.equal((await status(world))?.state, 'balanced')
    assert.equal(world.told('device.move_requested').length, 4)
    assert.deepEqual(
      world.told('rebalancing.changed').map(({ state }) => state),
      ['moving', 'balanced'],
    )
  })

  test('has no more devices under way from or to a server than it may, however often it looks', async () => {
    const { world, ids } = await aFleet(tables, { inFlightPerServer: 3 })

    await look(world)
    await look(world)
    world.clock.advance(2000)
    await look(world)

    assert.equal((await asked(world, ids)).length, 3)
  })

  test('counts a device as under way until it has connected at its new server, or 30 s have passed', async () => {
    const { world, ids } = await aFleet(tables, { inFlightPerServer: 1 })
    await look(world)
    const [first] = await asked(world, ids)
    assert.ok(first)
    await carryOut(world, ids)
    await become(world, first.deviceId, { status: 'connecting' })

    world.clock.advance(29_000)
    await look(world)
    assert.deepEqual(await asked(world, ids), [])

    world.clock.advance(1000)
    await look(world)
    assert.equal((await asked(world, ids)).length, 1)
  })

  test('moves no more devices in ten minutes than its share of the fleet', async () => {
    const { world, ids } = await aFleet(tables, { shareOfFleetPercent: 20 })

    for (let looks = 0; looks < 9; looks++) {
      await look(world)
      await carryOut(world, ids)
      world.clock.advance(MINUTE)
    }
    assert.equal(world.told('device.move_requested').length, 2)
    assert.equal((await status(world))?.state, 'waiting')
    assert.match((await status(world))?.why ?? '', /all 2 moves of 10 minutes/)

    world.clock.advance(2 * MINUTE)
    await look(world)
    assert.equal(world.told('device.move_requested').length, 4)
  })

  test('never asks more than the budget, though two sweeps look at the same moment', async () => {
    const { world, ids } = await aFleet(tables, { shareOfFleetPercent: 30 })
    const other = rebalancedBy(build.worldOn(world.store, 2), world.rebalancing)

    for (let looks = 0; looks < 4; looks++) {
      await Promise.all([look(world), look(other), look(world), look(other)])
    }

    assert.equal((await asked(world, ids)).length, 3)
    assert.equal(movesWithinWindow((await status(world))?.spent ?? [], world.clock.wallMs()), 3)
  })

  test('never asks more than the budget, though another sweep has chosen other devices in the meantime', async () => {
    const { world, ids } = await aFleet(tables, { shareOfFleetPercent: 30 })
    const other = rebalancedBy(build.worldOn(world.store, 2), world.rebalancing)
    let times = 0
    const store = interrupted(world.store, 'Operations', async () => {
      if (times++ > 0) return
      for (const id of ids.slice(0, 3)) await become(world, id, { status: 'disconnected' })
      await look(other)
    })

    await look({ ...world, store })

    const moving = await asked(world, ids)
    assert.deepEqual(
      moving.map(({ deviceId }) => deviceId),
      ids.slice(3, 6),
    )
  })

  test('never asks more than the budget, though a sweep dies between the decision and the asking', async () => {
    const { world, ids } = await aFleet(tables, { shareOfFleetPercent: 30 })
    const dying = interrupted(world.store, 'Devices', async () => {
      throw new Error('the sweep died')
    })

    await assert.rejects(look({ ...world, store: dying }), /the sweep died/)
    await look(world)
    world.clock.advance(20_000)
    await look(world)

    assert.deepEqual(await asked(world, ids), [])
    assert.equal((await status(world))?.underWay.length, 0)
    assert.match((await status(world))?.why ?? '', /all 3 moves/)
  })

  test('moves only devices that are connected, wanted, and not moved within the day', async () => {
    const { world, ids } = await aFleet(tables)
    const nowMs = world.clock.wallMs()
    const unfit: Partial<DeviceRow>[] = [
      { status: 'connecting' },
      { status: 'pairing' },
      { status: 'conflicted', desired: 'stopped' },
      { movedAt: nowMs - 3_600_000 },
      { home: { name: 'web-9', since: nowMs - MINUTE } },
      { desired: 'stopped' },
      { deleting: true },
    ]
    for (const [at, set] of unfit.entries()) await become(world, ids[at] as DeviceId, set)

    await look(world)

    const moving = await asked(world, ids)
    assert.deepEqual(
      moving.map(({ deviceId }) => deviceId),
      ids.slice(unfit.length),
    )
  })

  test('says so when no device may move, and searches the next fullest server instead', async () => {
    const { world, ids } = await aFleet(tables)
    for (const id of ids) await become(world, id, { movedAt: world.clock.wallMs() })
    const nothingToMoveSince = new Map()

    await look(world, { nothingToMoveSince })
    assert.match((await status(world))?.why ?? '', /no device of the fullest servers may move now/)

    const third = await build.anActiveServer(world, 'third', { capacity: 20 })
    const others = await build.ownedDevices(world, third, 8)
    for (const { deviceId } of others) await become(world, deviceId, { status: 'connected' })
    await look(world, { nothingToMoveSince })
    const moving = await asked(
      world,
      others.map(({ deviceId }) => deviceId),
    )
    assert.ok(moving.length > 0)
  })

  test('does not ask a device that another request has just asked to move', async () => {
    const { world, full, ids } = await aFleet(tables, { inFlightPerServer: 1 })
    const store = interrupted(world.store, 'Operations', async () => {
      for (const device of ids) {
        await requestMove(world.store, world.clock, {
          device,
          from: full.serverId,
          to: 'any',
          moveId: 'mine',
          why: 'a test',
        })
      }
    })

    await look({ ...world, store })

    assert.deepEqual(
      (await asked(world, ids)).map(({ moveTo }) => moveTo),
      Array(10).fill('any'),
    )
    assert.equal(world.told('device.move_requested').length, 0)
  })

  test('decides by the present load of a server, not by its load when the look began', async () => {
    const { world, full, empty, ids } = await aFleet(tables, { inFlightPerServer: 4 })
    const early = await listServers(world.store)
    await look(world)
    await carryOut(world, ids)

    await look(world, { servers: early })

    assert.deepEqual(await asked(world, ids), [])
    assert.deepEqual(await build.loadsOf(world.store, [full, empty]), [6, 4])
  })
})

describe('the sweep', () => {
  test('evens the fleet out within its rate, and then leaves it alone', async () => {
    const { world, full, empty, ids } = await aFleet(tables, { inFlightPerServer: 1 })
    const sweep = beginSweep(world)

    for (let second = 0; second < 30; second++) {
      await build.lookEverySecond(world, sweep, 1, [full, empty])
      await carryOut(world, ids)
    }

    assert.deepEqual(await build.ownedCounts(world.store, ids, [full, empty]), [6, 4])
    assert.equal((await status(world))?.state, 'balanced')
  })
})
