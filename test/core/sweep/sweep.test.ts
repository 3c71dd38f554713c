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
import { cuttable, interrupted } from '../../builders/faulty-stores.ts'
import { fresh } from '../../builders/fresh.ts'

const t = fresh()

describe('waiting devices', () => {
  test('are claimed at the next look, from every shard of the waiting list', async () => {
    await activeServers(t.world, 2)
    const ids = await waitingDevices(t.world, 40)

    await beginSweep(t.world).look()

    assert.equal((await ownersOf(t.store, ids)).filter(Boolean).length, 40)
  })

  test('are claimed once there is room', async () => {
    const small = await anActiveServer(t.world, 'small', { capacity: 1 })
    const ids = await waitingDevices(t.world, 2)
    const watching = beginSweep(t.world)
    await watching.look()
    const placed = (await ownersOf(t.store, ids)).filter(Boolean).length

    const large = await anActiveServer(t.world, 'large')
    await lookEverySecond(t.world, watching, 1, [small, large])

    assert.equal(placed, 1)
    assert.deepEqual(new Set(await ownersOf(t.store, ids)), new Set(['small', 'large']))
  })

  test('that shall stop are taken off the list, those that shall go are erased', async () => {
    const web1 = await anActiveServer(t.world, 'web-1')
    const stopped = await aPermittedDevice(t.world, web1, 'stopped')
    const deleted = await aPermittedDevice(t.world, web1, 'deleted')
    await stop(t.store, t.clock, stopped.device, 'by the operator')
    await requestDeletion(t.store, t.clock, deleted.device)
    await release(t.store, t.clock, { ...stopped, status: 'stopped' })
    await release(t.store, t.clock, { ...deleted, status: 'stopped' })

    await beginSweep(t.world).look()

    const row = await deviceRow(t.store, stopped.device)
    assert.deepEqual([row.status, row.unassignedShard, row.owner], ['stopped', undefined, undefined])
    assert.equal(await t.store.get('Devices', { deviceId: deleted.device }), undefined)
  })

  test('that shall go are erased by the first look even without any server', async () => {
    const id = await aDevice(t.world)
    await requestDeletion(t.store, t.clock, id)

    await beginSweep(t.world).look()

    assert.equal(await t.store.get('Devices', { deviceId: id }), undefined)
  })
})

describe('two sweeps at once', () => {
  test('bury once, evict once, claim once, and every load is true', async () => {
    const silent = await anActiveServer(t.world, 'silent')
    const others = [await anActiveServer(t.world, 'web-1'), await anActiveServer(t.world, 'web-2')]
    const devices = await ownedDevices(t.world, silent, 20)
    const rival = worldOn(t.store, 2)
    const [one, other] = [beginSweep(t.world), beginSweep(rival)]
    await Promise.all([one.look(), other.look()])

    await Promise.all([lookEverySecond(t.world, one, 11, others), lookEverySecond(rival, other, 11, others)])

    const both = [t.world, rival]
    const owners = await ownersOf(
      t.store,
      devices.map((device) => device.deviceId),
    )
    const rows = await Promise.all(others.map((server) => serverRow(t.store, server.serverId)))
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
    const web1 = await anActiveServer(t.world, 'web-1')
    await ownedDevices(t.world, web1, 2)
    await reserve(t.store, web1, 5)
    const watching = beginSweep(t.world)
    await watching.look()

    await lookEverySecond(t.world, watching, 9, [web1])
    const before = await serverRow(t.store, 'web-1')
    await lookEverySecond(t.world, watching, 20, [web1])

    assert.equal(before.load, 7)
    assert.equal((await serverRow(t.store, 'web-1')).load, 2)
    assert.deepEqual(
      t.world.told('server.load_corrected').map(({ from, to }) => [from, to]),
      [[7, 2]],
    )
  })

  test('is raised to the true count, too', async () => {
    const web1 = await anActiveServer(t.world, 'web-1')
    await ownedDevices(t.world, web1, 3)
    await unreserve(t.store, web1.serverId, 2)
    const watching = beginSweep(t.world)
    await watching.look()

    await lookEverySecond(t.world, watching, 25, [web1])

    assert.equal((await serverRow(t.store, 'web-1')).load, 3)
  })

  test('is left alone while devices are being assigned: a reserve precedes its claim', async () => {
    const web1 = await anActiveServer(t.world, 'web-1')
    const watching = beginSweep(t.world)
    await watching.look()

    await lookEverySecond(t.world, watching, 9, [web1])
    await reserve(t.store, web1, 1)
    await lookEverySecond(t.world, watching, 9, [web1])

    assert.equal((await serverRow(t.store, 'web-1')).load, 1)
    assert.deepEqual(t.world.told('server.load_corrected'), [])
  })

  test('is not counted short by a release that has not yet given its room back', async () => {
    const web1 = await anActiveServer(t.world, 'web-1')
    await anOwnedDevice(t.world, web1, 'device-2')
    const held = await aPermittedDevice(t.world, web1)
    await stop(t.store, t.clock, held.device, 'by the operator')
    const watching = beginSweep(t.world)
    await watching.look()
    await lookEverySecond(t.world, watching, 9, [web1])
    // The look falls between the two writes of the release.
    const midway = interrupted(t.store, 'Servers', async (change) => {
      if (change.add?.load === -1) await lookEverySecond(t.world, watching, 1, [web1])
    })

    await release(midway, t.clock, { ...held, status: 'stopped' })

    assert.equal((await serverRow(t.store, 'web-1')).load, 1)
  })
})

describe('a sweep', () => {
  test('looks once a second for 75 s, longer than until the next one starts', async () => {
    const beating = await anActiveServer(t.world, 'web-1')
    const begun = t.clock.mark()
    await beatAll(t.world, [beating])

    await t.clock.runUntilDone(sweep(t.world))

    assert.equal(t.clock.elapsedMs(begun), 75_000)
    assert.deepEqual(t.world.told('sweep.finished'), [{ looks: 75 }])
  })

  test('ends early when it is told to', async () => {
    const until = new AbortController()
    until.abort()

    await t.clock.runUntilDone(sweep(t.world, 75_000, until.signal))

    assert.deepEqual(t.world.told('sweep.finished'), [{ looks: 0 }])
  })

  test('goes on after a look that failed, and tells of it', async () => {
    const store = cuttable(t.store)
    const web1 = await anActiveServer(t.world, 'web-1')
    store.cut(3)
    const id = await aDevice(t.world)

    await t.clock.runUntilDone(sweep({ ...t.world, store }, 5000))

    assert.equal(t.world.told('sweep.look_failed').length, 3)
    assert.deepEqual(await ownersOf(t.store, [id]), [web1.serverId])
  })

  test('measures the fleet once', async () => {
    const web1 = await anActiveServer(t.world, 'web-1', { capacity: 10 })
    const draining = await anActiveServer(t.world, 'draining')
    await ownedDevices(t.world, web1, 4)
    await drain(t.store, draining.serverId)
    await beat(t.store, t.clock, web1.serverId, 3)

    await t.clock.runUntilDone(sweep(t.world, 3000))

    const measured = t.world.emitted.filter(({ event }) => event === 'sweep.measured')
    assert.deepEqual(
      measured.map(({ measures }) => measures),
      [{ ServersActive: 1, DevicesConnected: 3, DevicesAssigned: 4, DevicesUnassigned: 0, Utilisation: 40 }],
    )
  })

  test('leaves a device alone whose server beats, however often it looks', async () => {
    const web1 = await anActiveServer(t.world, 'web-1')
    const owned = await anOwnedDevice(t.world, web1)
    const watching = beginSweep(t.world)

    await lookEverySecond(t.world, watching, 30, [web1])

    assert.deepEqual(await deviceRow(t.store, owned.deviceId), owned)
    assert.equal(await evict(t.store, t.clock, owned.deviceId, { ...web1, serverId: 'x' as never }), false)
  })
})
