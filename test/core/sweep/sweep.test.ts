import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { evict } from '../../../core/protocol/ownership.ts'
import { beginSweep, sweep } from '../../../core/sweep/sweep.ts'
import {
  aDevice,
  anActiveServer,
  anOwnedDevice,
  beatAll,
  deviceRow,
  lookEverySecond,
  ownedDevices,
  ownersOf,
  serverRow,
  worldOn,
} from '../../builders/builders.ts'
import { world } from '../../builders/each-afresh.ts'
import { cuttable } from '../../builders/faulty-stores.ts'

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
