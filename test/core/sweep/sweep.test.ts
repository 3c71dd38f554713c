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
import { cuttable } from '../../builders/faulty-stores.ts'
import { fresh } from '../../builders/fresh.ts'

const t = fresh()

describe('two sweeps at once', () => {
  test('bury once, evict once, claim once, and every load is true', async () => {
    const silent = await anActiveServer(t.world, 'silent')
    const others = [await anActiveServer(t.world, 'web-1'), await anActiveServer(t.world, 'web-2')]
    const devices = await ownedDevices(t.world, silent, 20)
    const rival = worldOn(t.world.store, 2)
    const [one, other] = [beginSweep(t.world), beginSweep(rival)]
    await Promise.all([one.look(), other.look()])

    await Promise.all([lookEverySecond(t.world, one, 11, others), lookEverySecond(rival, other, 11, others)])

    const both = [t.world, rival]
    const owners = await ownersOf(
      t.world.store,
      devices.map((device) => device.deviceId),
    )
    const rows = await Promise.all(others.map((server) => serverRow(t.world.store, server.serverId)))
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
    const beating = await anActiveServer(t.world, 'web-1')
    const begun = t.world.clock.mark()
    await beatAll(t.world, [beating])

    await t.world.clock.runUntilDone(sweep(t.world))

    assert.equal(t.world.clock.elapsedMs(begun), 75_000)
    assert.deepEqual(t.world.told('sweep.finished'), [{ looks: 75 }])
  })

  test('ends early when it is told to', async () => {
    const until = new AbortController()
    until.abort()

    await t.world.clock.runUntilDone(sweep(t.world, 75_000, until.signal))

    assert.deepEqual(t.world.told('sweep.finished'), [{ looks: 0 }])
  })

  test('goes on after a look that failed, and tells of it', async () => {
    const store = cuttable(t.world.store)
    const web1 = await anActiveServer(t.world, 'web-1')
    store.cut(3)
    const id = await aDevice(t.world)

    await t.world.clock.runUntilDone(sweep({ ...t.world, store }, 5000))

    assert.equal(t.world.told('sweep.look_failed').length, 3)
    assert.deepEqual(await ownersOf(t.world.store, [id]), [web1.serverId])
  })

  test('leaves a device alone whose server beats, however often it looks', async () => {
    const web1 = await anActiveServer(t.world, 'web-1')
    const owned = await anOwnedDevice(t.world, web1)
    const watching = beginSweep(t.world)

    await lookEverySecond(t.world, watching, 30, [web1])

    assert.deepEqual(await deviceRow(t.world.store, owned.deviceId), owned)
    assert.equal(
      await evict(t.world.store, t.world.clock, owned.deviceId, { ...web1, serverId: 'x' as never }),
      false,
    )
  })
})
