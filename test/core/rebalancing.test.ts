import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { assign } from '../../core/assign.ts'
import type { DeviceRow } from '../../core/device.ts'
import type { DeviceId } from '../../core/ids.ts'
import { beginOperation, RESTART_ID } from '../../core/operations.ts'
import { release } from '../../core/ownership.ts'
import { rebalance, type Seen } from '../../core/rebalancing.ts'
import { movesWithinWindow, pause, readLedger, resume } from '../../core/rebalancing-ledger.ts'
import { REBALANCE_DEFAULTS, type RebalanceSettings } from '../../core/rebalancing-plan.ts'
import { requestMove } from '../../core/requests.ts'
import { listServers, type ServerRow } from '../../core/server.ts'
import { takeFromSurplus } from '../../core/server-wishes.ts'
import { beginSweep } from '../../core/sweep.ts'
import * as build from './builders.ts'

const MINUTE = 60_000

let tables: build.Tables
before(async () => {
  tables = await build.embeddedTables()
})
after(() => tables.close())

type RebalancedWorld = build.TestWorld & { readonly rebalancing: RebalanceSettings }

/** A full server with 10 connected devices, room for as many again, and a newcomer without any. */
async function aFleet(settings: Partial<RebalanceSettings> = {}) {
  const world = rebalancedBy(await build.aWorld(tables), settings)
  const full = await build.anActiveServer(world, 'full', { capacity: 20 })
  const devices = await build.ownedDevices(world, full, 10)
  for (const { deviceId } of devices) await become(world, deviceId, { status: 'connected' })
  const empty = await build.anActiveServer(world, 'empty', { capacity: 20 })
  return { world, full, empty, ids: devices.map(({ deviceId }) => deviceId) }
}

function rebalancedBy(world: build.TestWorld, settings: Partial<RebalanceSettings>): RebalancedWorld {
  const wide = { shareOfFleetPercent: 100, inFlightPerServer: 100 }
  return { ...world, rebalancing: { ...REBALANCE_DEFAULTS, ...wide, ...settings } }
}

function become({ store }: build.TestWorld, deviceId: DeviceId, set: Partial<DeviceRow>) {
  return store.update('Devices', { deviceId }, { set, when: [] })
}

async function look(world: RebalancedWorld, seen: Partial<Seen> = {}): Promise<void> {
  const servers = await listServers(world.store)
  await rebalance(world, { servers, braking: false, quiet: [], waiting: 0, barren: new Map(), ...seen })
}

async function asked({ store }: build.TestWorld, ids: readonly DeviceId[]): Promise<DeviceRow[]> {
  const rows = await Promise.all(ids.map((id) => build.deviceRow(store, id)))
  return rows.filter((row) => row.moveTo !== undefined)
}

/** What the owners and placement do: those that are asked let go, are placed and connect again. */
async function carryOut(world: build.TestWorld, ids: readonly DeviceId[]): Promise<void> {
  for (const { deviceId: device, owner, epoch } of await asked(world, ids)) {
    assert.ok(owner)
    await release(world.store, world.clock, { device, server: owner, epoch, status: 'unassigned' })
    await assign(world, [device])
    await become(world, device, { status: 'connected' })
  }
}

async function standing(world: build.TestWorld) {
  return (await readLedger(world.store)).standing
}

function surplusOf(world: build.TestWorld, { serverId }: ServerRow) {
  return build.serverRow(world.store, serverId).then((row) => row.surplus)
}

describe('rebalancing', () => {
  test('asks devices of the fullest server to move to the emptiest, tells the owner, and says why', async () => {
    const { world, full, empty, ids } = await aFleet({ inFlightPerServer: 2 })

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
      Array(2).fill('rebalancing: from full to empty'),
    )
    assert.equal((await standing(world))?.state, 'moving')
    assert.equal(empty.load, 0)
  })

  test('ends with the servers within the band, and each device moved once', async () => {
    const { world, full, empty, ids } = await aFleet({ inFlightPerServer: 2 })

    for (let looks = 0; looks < 5; looks++) {
      await look(world)
      await carryOut(world, ids)
    }

    assert.deepEqual(await build.ownedCounts(world.store, ids, [full, empty]), [6, 4])
    assert.equal((await standing(world))?.state, 'balanced')
    assert.equal(world.told('device.move_requested').length, 4)
    assert.deepEqual(
      world.told('rebalancing.changed').map(({ state }) => state),
      ['moving', 'balanced'],
    )
  })

  test('has no more devices under way from or to a server than it may, however often it looks', async () => {
    const { world, ids } = await aFleet({ inFlightPerServer: 3 })

    await look(world)
    await look(world)
    world.clock.advance(2000)
    await look(world)

    assert.equal((await asked(world, ids)).length, 3)
  })

  test('counts a device as under way until it has connected at its new server, or 30 s have passed', async () => {
    const { world, ids } = await aFleet({ inFlightPerServer: 1 })
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
    const { world, ids } = await aFleet({ shareOfFleetPercent: 20 })

    for (let looks = 0; looks < 9; looks++) {
      await look(world)
      await carryOut(world, ids)
      world.clock.advance(MINUTE)
    }
    assert.equal(world.told('device.move_requested').length, 2)
    assert.equal((await standing(world))?.state, 'waiting')
    assert.match((await standing(world))?.why ?? '', /all 2 moves of 10 minutes/)

    world.clock.advance(2 * MINUTE)
    await look(world)
    assert.equal(world.told('device.move_requested').length, 4)
  })

  test('never asks more than the budget, though two sweeps look at the same moment', async () => {
    const { world, ids } = await aFleet({ shareOfFleetPercent: 30 })
    const other = rebalancedBy(build.worldOn(world.store, 2), world.rebalancing)

    for (let looks = 0; looks < 4; looks++) {
      await Promise.all([look(world), look(other), look(world), look(other)])
    }

    assert.equal((await asked(world, ids)).length, 3)
    assert.equal(movesWithinWindow((await standing(world))?.spent ?? [], world.clock.wallMs()), 3)
  })

  test('never asks more than the budget, though another sweep has decided for other devices meanwhile', async () => {
    const { world, ids } = await aFleet({ shareOfFleetPercent: 30 })
    const other = rebalancedBy(build.worldOn(world.store, 2), world.rebalancing)
    let times = 0
    const store = build.interrupted(world.store, 'History', async () => {
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
    const { world, ids } = await aFleet({ shareOfFleetPercent: 30 })
    const dying = build.interrupted(world.store, 'Devices', async () => {
      throw new Error('the sweep died')
    })

    await assert.rejects(look({ ...world, store: dying }), /the sweep died/)
    await look(world)
    world.clock.advance(20_000)
    await look(world)

    assert.deepEqual(await asked(world, ids), [])
    assert.equal((await standing(world))?.underWay.length, 0)
    assert.match((await standing(world))?.why ?? '', /all 3 moves/)
  })

  test('moves only devices that are connected, wanted, and not moved within the day', async () => {
    const { world, ids } = await aFleet()
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
    const { world, ids } = await aFleet()
    for (const id of ids) await become(world, id, { movedAt: world.clock.wallMs() })
    const barren = new Map()

    await look(world, { barren })
    assert.match((await standing(world))?.why ?? '', /no device of the fullest servers may move now/)

    const third = await build.anActiveServer(world, 'third', { capacity: 20 })
    const others = await build.ownedDevices(world, third, 8)
    for (const { deviceId } of others) await become(world, deviceId, { status: 'connected' })
    await look(world, { barren })
    const moving = await asked(
      world,
      others.map(({ deviceId }) => deviceId),
    )
    assert.ok(moving.length > 0)
  })

  test('does not ask a device that somebody else has just asked to move', async () => {
    const { world, full, ids } = await aFleet({ inFlightPerServer: 1 })
    const store = build.interrupted(world.store, 'History', async () => {
      for (const device of ids) {
        await requestMove(world.store, world.clock, {
          device,
          from: full.serverId,
          to: 'any',
          moveId: 'mine',
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

  test('goes by what a server has now, not by what it had when the look began', async () => {
    const { world, full, empty, ids } = await aFleet({ inFlightPerServer: 4 })
    const early = await listServers(world.store)
    await look(world)
    await carryOut(world, ids)

    await look(world, { servers: early })

    assert.deepEqual(await asked(world, ids), [])
    assert.deepEqual(await build.loadsOf(world.store, [full, empty]), [6, 4])
  })
})

describe('rebalancing waits, and says for what,', () => {
  const reasons: [string, Partial<Seen>, RegExp][] = [
    ['while the brake is on', { braking: true }, /brake/],
    ['while a server misses beats', { quiet: [build.aServerRow('full')] }, /full has missed beats/],
    ['while devices wait for a server', { waiting: 1 }, /devices wait for a server/],
  ]
  for (const [when, seen, why] of reasons) {
    test(when, async () => {
      const { world, ids } = await aFleet()

      await look(world, seen)

      assert.deepEqual(await asked(world, ids), [])
      assert.equal((await standing(world))?.state, 'waiting')
      assert.match((await standing(world))?.why ?? '', why)
    })
  }

  test('within ten minutes of a burial', async () => {
    const { world, full, empty, ids } = await aFleet()
    const silent = await build.anActiveServer(world, 'silent')
    const sweep = beginSweep(world)

    await build.lookEverySecond(world, sweep, 20, [full, empty])
    assert.equal((await build.serverRow(world.store, silent.serverId)).state, 'dead')
    assert.deepEqual(await asked(world, ids), [])
    assert.match((await standing(world))?.why ?? '', /silent was buried/)

    world.clock.advance(10 * MINUTE)
    await build.lookEverySecond(world, beginSweep(world), 10, [full, empty])
    assert.ok((await asked(world, ids)).length > 0)
  })

  test('while a restart of the fleet runs', async () => {
    const { world, ids } = await aFleet()
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
    assert.match((await standing(world))?.why ?? '', /restart/)
  })

  test('when it is switched off', async () => {
    const { world, ids } = await aFleet({ enabled: false })

    await look(world)

    assert.deepEqual(await asked(world, ids), [])
    assert.equal((await standing(world))?.state, 'paused')
  })

  test('while it is paused; and goes on afterwards', async () => {
    const { world, ids } = await aFleet()
    await pause(world.store, world.clock, 'key-1')

    await look(world)
    assert.deepEqual(await asked(world, ids), [])
    assert.equal((await readLedger(world.store)).paused?.by, 'key-1')

    await resume(world.store)
    await look(world)
    assert.equal((await asked(world, ids)).length, 4)
  })

  test('when it is paused between its look and its decision', async () => {
    const { world, ids } = await aFleet()
    let times = 0
    const store = build.interrupted(world.store, 'History', async () => {
      if (times++ === 0) await pause(world.store, world.clock, 'key-1')
    })

    await look({ ...world, store })

    assert.deepEqual(await asked(world, ids), [])
    assert.equal((await readLedger(world.store)).paused?.by, 'key-1')
  })
})

describe('a surplus', () => {
  test('is told to servers that have more than their part, and lowered as they give', async () => {
    const { world, full, empty, ids } = await aFleet({ inFlightPerServer: 1 })

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

  test('that was taken from is not told anew before the loads can show it', async () => {
    const { world, full } = await aFleet({ shareOfFleetPercent: 1 })
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

  test('is taken one by one, never below none, by whoever asks at the same moment', async () => {
    const { world, full } = await aFleet({ inFlightPerServer: 1 })
    await look(world)

    const taken = await Promise.all(
      Array.from({ length: 8 }, () => takeFromSurplus(world.store, full.serverId)),
    )

    assert.equal(taken.filter(Boolean).length, 4)
    assert.equal(await surplusOf(world, full), 0)
  })

  test('ends while nothing may move', async () => {
    const { world, full } = await aFleet({ inFlightPerServer: 1 })
    await look(world)
    assert.equal(await surplusOf(world, full), 4)

    await look(world, { waiting: 1 })

    assert.equal(await surplusOf(world, full), undefined)
  })
})

describe('the sweep', () => {
  test('evens the fleet out within its rate, and then leaves it alone', async () => {
    const { world, full, empty, ids } = await aFleet({ inFlightPerServer: 1 })
    const sweep = beginSweep(world)

    for (let second = 0; second < 30; second++) {
      await build.lookEverySecond(world, sweep, 1, [full, empty])
      await carryOut(world, ids)
    }

    assert.deepEqual(await build.ownedCounts(world.store, ids, [full, empty]), [6, 4])
    assert.equal((await standing(world))?.state, 'balanced')
  })
})
