import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { beat, drain, reserve, unreserve } from '../../../core/protocol/membership.ts'
import { evict, release } from '../../../core/protocol/ownership.ts'
import { requestDeletion, stop } from '../../../core/requests/device-requests.ts'
import { beginSweep, sweep } from '../../../core/sweep/sweep.ts'
import {
  activeServers,
  aDevice,
  anActiveServer,
  anOwnedDevice,
  aPermittedDevice,
  beatAll,
  deviceRow,
  lookEverySecond,
  ownedDevices,
  ownersOf,
  serverRow,
  waitingDevices,
  worldOn,
} from '../../builders/builders.ts'
import { world } from '../../builders/each-afresh.ts'
import { cuttable, interrupted } from '../../builders/faulty-stores.ts'

describe('waiting devices', () => {
  test('are claimed at the next look, from every shard of the waiting list', async () => {
    await activeServers(world, 2)
    const ids = await waitingDevices(world, 40)

    await beginSweep(world).look()

    assert.equal((await ownersOf(world.store, ids)).filter(Boolean).length, 40)
  })

  test('are claimed once there is room', async () => {
    const small = await anActiveServer(world, 'small', { capacity: 1 })
    const ids = await waitingDevices(world, 2)
    const watching = beginSweep(world)
    await watching.look()
    const placed = (await ownersOf(world.store, ids)).filter(Boolean).length

    const large = await anActiveServer(world, 'large')
    await lookEverySecond(world, watching, 1, [small, large])

    assert.equal(placed, 1)
    assert.deepEqual(new Set(await ownersOf(world.store, ids)), new Set(['small', 'large']))
  })

  test('that shall stop are taken off the list, those that shall go are erased', async () => {
    const web1 = await anActiveServer(world, 'web-1')
    const stopped = await aPermittedDevice(world, web1, 'stopped')
    const deleted = await aPermittedDevice(world, web1, 'deleted')
    await stop(world.store, world.clock, stopped.device, 'by the operator')
    await requestDeletion(world.store, world.clock, deleted.device)
    await release(world.store, world.clock, { ...stopped, status: 'stopped' })
    await release(world.store, world.clock, { ...deleted, status: 'stopped' })

    await beginSweep(world).look()

    const row = await deviceRow(world.store, stopped.device)
    assert.deepEqual([row.status, row.unassignedShard, row.owner], ['stopped', undefined, undefined])
    assert.equal(await world.store.get('Devices', { deviceId: deleted.device }), undefined)
  })

  test('that shall go are erased by the first look even without any server', async () => {
    const id = await aDevice(world)
    await requestDeletion(world.store, world.clock, id)

    await beginSweep(world).look()

    assert.equal(await world.store.get('Devices', { deviceId: id }), undefined)
  })
})

describe('two sweeps at once', () => {
  test('bury once, evict once, claim once, and every load is true', async () => {
    const silent = await anActiveServer(world, 'silent')
    const others = [await anActiveServer(world, 'web-1'), await anActiveServer(world, 'web-2')]
    const devices = await ownedDevices(world, silent, 20)
    const rival = worldOn(world.store, 2)
    const [one, other] = [beginSweep(world), beginSweep(rival)]
    await Promise.all([one.look(), other.look()])

    await Promise.all([lookEverySecond(world, one, 11, others), lookEverySecond(rival, other, 11, others)])

    const both = [world, rival]
    const owners = await ownersOf(
      world.store,
      devices.map((device) => device.deviceId),
    )
    const rows = await Promise.all(others.map((server) => serverRow(world.store, server.serverId)))
    assert.equal(both.flatMap((each) => each.told('server.buried')).length, 1)
    assert.equal(both.flatMap((each) => each.told('device.evicted')).length, 20)
    assert.equal(both.flatMap((each) => each.told('device.assigned')).length, 20)
    assert.deepEqual(
      rows.map((row) => row.load),
      others.map((server) => owners.filter((owner) => owner === server.serverId).length),
    )
  })
})

describe('the load of a server', () => {
  test('is set to the true count when nothing was assigned for 10 s', async () => {
    const web1 = await anActiveServer(world, 'web-1')
    await ownedDevices(world, web1, 2)
    await reserve(world.store, web1, 5)
    const watching = beginSweep(world)
    await watching.look()

    await lookEverySecond(world, watching, 9, [web1])
    const before = await serverRow(world.store, 'web-1')
    await lookEverySecond(world, watching, 20, [web1])

    assert.equal(before.load, 7)
    assert.equal((await serverRow(world.store, 'web-1')).load, 2)
    assert.deepEqual(
      world.told('server.load_corrected').map(({ from, to }) => [from, to]),
      [[7, 2]],
    )
  })

  test('is raised to the true count, too', async () => {
    const web1 = await anActiveServer(world, 'web-1')
    await ownedDevices(world, web1, 3)
    await unreserve(world.store, web1.serverId, 2)
    const watching = beginSweep(world)
    await watching.look()

    await lookEverySecond(world, watching, 25, [web1])

    assert.equal((await serverRow(world.store, 'web-1')).load, 3)
  })

  test('is left alone while devices are being assigned: a reserve precedes its claim', async () => {
    const web1 = await anActiveServer(world, 'web-1')
    const watching = beginSweep(world)
    await watching.look()

    await lookEverySecond(world, watching, 9, [web1])
    await reserve(world.store, web1, 1)
    await lookEverySecond(world, watching, 9, [web1])

    assert.equal((await serverRow(world.store, 'web-1')).load, 1)
    assert.deepEqual(world.told('server.load_corrected'), [])
  })

  test('is not counted short by a release that has not yet given its room back', async () => {
    const web1 = await anActiveServer(world, 'web-1')
    await anOwnedDevice(world, web1, 'device-2')
    const held = await aPermittedDevice(world, web1)
    await stop(world.store, world.clock, held.device, 'by the operator')
    const watching = beginSweep(world)
    await watching.look()
    await lookEverySecond(world, watching, 9, [web1])
    // The look falls between the two writes of the release.
    const midway = interrupted(world.store, 'Servers', async (change) => {
      if (change.add?.load === -1) await lookEverySecond(world, watching, 1, [web1])
    })

    await release(midway, world.clock, { ...held, status: 'stopped' })

    assert.equal((await serverRow(world.store, 'web-1')).load, 1)
  })
})

describe('a sweep', () => {
  test('looks once a second for 75 s, longer than until the next one starts', async () => {
    const beating = await anActiveServer(world, 'web-1')
    const begun = world.clock.mark()
    await beatAll(world, [beating])

    await world.clock.runUntilDone(sweep(world))

    assert.equal(world.clock.elapsedMs(begun), 75_000)
    assert.deepEqual(world.told('sweep.finished'), [{ looks: 75 }])
  })

  test('ends early when it is told to', async () => {
    const until = new AbortController()
    until.abort()

    await world.clock.runUntilDone(sweep(world, 75_000, until.signal))

    assert.deepEqual(world.told('sweep.finished'), [{ looks: 0 }])
  })

  test('goes on after a look that failed, and tells of it', async () => {
    const store = cuttable(world.store)
    const web1 = await anActiveServer(world, 'web-1')
    store.cut(3)
    const id = await aDevice(world)

    await world.clock.runUntilDone(sweep({ ...world, store }, 5000))

    assert.equal(world.told('sweep.look_failed').length, 3)
    assert.deepEqual(await ownersOf(world.store, [id]), [web1.serverId])
  })

  test('measures the fleet once', async () => {
    const web1 = await anActiveServer(world, 'web-1', { capacity: 10 })
    const draining = await anActiveServer(world, 'draining')
    await ownedDevices(world, web1, 4)
    await drain(world.store, draining.serverId)
    await beat(world.store, world.clock, web1.serverId, 3)

    await world.clock.runUntilDone(sweep(world, 3000))

    const measured = world.emitted.filter(({ event }) => event === 'sweep.measured')
    assert.deepEqual(
      measured.map(({ measures }) => measures),
      [{ ServersActive: 1, DevicesConnected: 3, DevicesAssigned: 4, DevicesUnassigned: 0, Utilisation: 40 }],
    )
  })

  test('leaves a device alone whose server beats, however often it looks', async () => {
    const web1 = await anActiveServer(world, 'web-1')
    const owned = await anOwnedDevice(world, web1)
    const watching = beginSweep(world)

    await lookEverySecond(world, watching, 30, [web1])

    assert.deepEqual(await deviceRow(world.store, owned.deviceId), owned)
    assert.equal(
      await evict(world.store, world.clock, owned.deviceId, { ...web1, serverId: 'x' as never }),
      false,
    )
  })
})
