import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deviceId } from '../../../core/ids.ts'
import { assign } from '../../../core/placement/assign.ts'
import { notify } from '../../../core/placement/notify.ts'
import { bury, drain } from '../../../core/protocol/membership.ts'
import { claim, release } from '../../../core/protocol/ownership.ts'
import { requestDeletion, requestMove, stop } from '../../../core/requests/device-requests.ts'
import { readHistory } from '../../../core/telemetry/history.ts'
import {
  aClaim,
  activeServers,
  aDevice,
  anActiveServer,
  anOwnedDevice,
  aPermittedDevice,
  deviceRow,
  loadsOf,
  ownedCounts,
  ownersOf,
  serverRow,
  waitingDevices,
  worldOn,
} from '../../builders/builders.ts'
import { cuttable, interrupted } from '../../builders/faulty-stores.ts'
import { fresh } from '../../builders/fresh.ts'

const t = fresh()

describe('assigning', () => {
  test('claims a waiting device for a server, writes its history and rings the server', async () => {
    await anActiveServer(t.world, 'web-1')
    const id = await aDevice(t.world)

    const [placement] = await assign(t.world, [id])

    assert.equal(placement?.outcome, 'assigned')
    assert.equal((await deviceRow(t.world.store, id)).owner, 'web-1')
    assert.deepEqual(await loadsOf(t.world.store, [{ serverId: 'web-1' as never }]), [1])
    assert.deepEqual(t.world.rings, ['web-1'])
    assert.deepEqual(
      (await readHistory(t.world.store, id, 9)).rows.map((entry) => entry.event),
      ['assigned'],
    )
  })

  test('raises the owner’s assignmentSeq, so that a lost doorbell costs a beat and no device', async () => {
    const web1 = await anActiveServer(t.world, 'web-1')

    await assign(t.world, [await aDevice(t.world)])

    assert.ok((await serverRow(t.world.store, 'web-1')).assignmentSeq > web1.assignmentSeq)
  })

  test('leaves a device alone that has an owner', async () => {
    const owned = await anOwnedDevice(t.world, await anActiveServer(t.world, 'web-1'))
    await anActiveServer(t.world, 'web-2')

    const placements = await assign(t.world, [owned.deviceId])

    assert.deepEqual(placements, [{ deviceId: owned.deviceId, outcome: 'already_owned' }])
    assert.deepEqual(await deviceRow(t.world.store, owned.deviceId), owned)
  })

  test('claims a device once when it is named twice', async () => {
    const [web1] = await activeServers(t.world, 1)
    const id = await aDevice(t.world)

    const placements = await assign(t.world, [id, id])

    assert.equal(placements.length, 1)
    assert.equal((await serverRow(t.world.store, web1?.serverId ?? '')).load, 1)
  })

  test('gives no server to a stopped device and takes it off the waiting list', async () => {
    const web1 = await anActiveServer(t.world, 'web-1')
    const held = await aPermittedDevice(t.world, web1)
    await stop(t.world.store, t.world.clock, held.device, 'by the operator')
    await release(t.world.store, t.world.clock, { ...held, status: 'stopped' })

    const placements = await assign(t.world, [held.device])

    const row = await deviceRow(t.world.store, held.device)
    assert.deepEqual(placements, [{ deviceId: held.device, outcome: 'not_wanted' }])
    assert.equal(row.status, 'stopped')
    assert.equal(row.unassignedShard, undefined)
    assert.deepEqual(t.world.rings, [])
  })

  test('erases a device that is being deleted', async () => {
    const id = await aDevice(t.world)
    await requestDeletion(t.world.store, t.world.clock, id)

    const placements = await assign(t.world, [id])

    assert.deepEqual(placements, [{ deviceId: id, outcome: 'erased' }])
    assert.equal(await t.world.store.get('Devices', { deviceId: id }), undefined)
    assert.deepEqual(t.world.told('device.erased'), [{ deviceId: id }])
  })

  test('passes over devices that do not exist', async () => {
    await anActiveServer(t.world, 'web-1')

    assert.deepEqual(await assign(t.world, [deviceId('nobody')]), [])
    assert.deepEqual(await assign(t.world, []), [])
  })

  test('tells of no room when no active server has any, and reserves nothing', async () => {
    const full = await anActiveServer(t.world, 'full', { capacity: 1 })
    const draining = await anActiveServer(t.world, 'draining')
    await anOwnedDevice(t.world, full, 'device-0')
    await drain(t.world.store, draining.serverId)
    const id = await aDevice(t.world)

    const placements = await assign(t.world, [id])

    assert.deepEqual(placements, [{ deviceId: id, outcome: 'no_room' }])
    assert.ok((await deviceRow(t.world.store, id)).unassignedShard)
    assert.deepEqual(await loadsOf(t.world.store, [full, draining]), [1, 0])
  })

  test('goes on to the next server when the chosen server fills or dies after it was read', async () => {
    const first = await anActiveServer(t.world, 'web-1')
    await anActiveServer(t.world, 'web-2', { capacity: 10 })
    await anOwnedDevice(t.world, await serverRow(t.world.store, 'web-2'), 'device-0')
    const id = await aDevice(t.world)
    const dying = interrupted(t.world.store, 'Servers', async () => {
      await bury(t.world.store, first)
    })

    const [placement] = await assign({ ...t.world, store: dying }, [id])

    assert.equal(placement?.server?.serverId, 'web-2')
    assert.equal((await deviceRow(t.world.store, id)).owner, 'web-2')
  })

  test('gives a device that is asked to move to the requested server', async () => {
    await activeServers(t.world, 5)
    const from = await anActiveServer(t.world, 'from')
    const target = await anActiveServer(t.world, 'target')
    const held = await aPermittedDevice(t.world, from)
    await requestMove(t.world.store, t.world.clock, {
      device: held.device,
      from: from.serverId,
      to: target.serverId,
      why: 'a test',
    })
    await release(t.world.store, t.world.clock, { ...held, status: 'unassigned' })

    await assign(t.world, [held.device])

    const row = await deviceRow(t.world.store, held.device)
    assert.equal(row.owner, 'target')
    assert.equal(row.moveTo, undefined)
    assert.equal(row.home, undefined)
    const [latest] = (await readHistory(t.world.store, held.device, 1)).rows
    assert.equal(latest?.event, 'assigned')
    assert.equal(latest?.why, 'moved: a test')
  })

  test('gives a device that may move to any server to another server than it left', async () => {
    const from = await anActiveServer(t.world, 'from')
    const other = await anActiveServer(t.world, 'other', { capacity: 10 })
    await anOwnedDevice(t.world, other, 'device-0')
    const held = await aPermittedDevice(t.world, from)
    await requestMove(t.world.store, t.world.clock, {
      device: held.device,
      from: from.serverId,
      to: 'any',
      why: 'a test',
    })
    await release(t.world.store, t.world.clock, { ...held, status: 'unassigned' })

    await assign(t.world, [held.device])

    const row = await deviceRow(t.world.store, held.device)
    assert.equal(row.owner, 'other')
    assert.equal(row.movedFrom, undefined)
  })

  test('gives a device to its home when a server of that name is there, else keeps the home', async () => {
    const web1 = await anActiveServer(t.world, 'first', { name: 'web-1' })
    await activeServers(t.world, 5)
    const away = await aPermittedDevice(t.world, web1, 'away')
    const returning = await aPermittedDevice(t.world, web1, 'returning')
    await release(t.world.store, t.world.clock, { ...returning, status: 'unassigned', homeName: 'web-1' })
    await release(t.world.store, t.world.clock, { ...away, status: 'unassigned', homeName: 'web-9' })

    await assign(t.world, [returning.device, away.device])

    const home = await deviceRow(t.world.store, returning.device)
    assert.equal(home.owner, 'first')
    assert.equal(home.home, undefined)
    assert.equal((await deviceRow(t.world.store, away.device)).home?.name, 'web-9')
  })

  test('gives the room back when another caller claimed the device first', async () => {
    const web1 = await anActiveServer(t.world, 'web-1', { capacity: 1 })
    const web2 = await anActiveServer(t.world, 'web-2')
    await anOwnedDevice(t.world, web1, 'device-0')
    const id = await aDevice(t.world)
    const raced = interrupted(t.world.store, 'Devices', async () => {
      await claim(t.world.store, t.world.clock, aClaim(id, web1)).catch(() => {})
    })

    const [placement] = await assign({ ...t.world, store: raced }, [id])

    assert.equal(placement?.outcome, 'already_owned')
    assert.deepEqual(await loadsOf(t.world.store, [web2]), [0])
    assert.equal(t.world.told('device.claim_lost').length, 1)
  })

  test('gives the room back when the device was stopped or deleted in the meantime', async () => {
    const web1 = await anActiveServer(t.world, 'web-1')
    const stopped = await aDevice(t.world, 'stopped')
    const gone = await aDevice(t.world, 'gone')
    const raced = interrupted(t.world.store, 'Devices', async () => {
      await stop(t.world.store, t.world.clock, stopped, 'by the operator')
      await t.world.store.remove('Devices', { deviceId: gone })
    })

    const placements = await assign({ ...t.world, store: raced }, [stopped, gone])

    assert.deepEqual(new Set(placements.map(({ outcome }) => outcome)), new Set(['not_wanted', 'gone']))
    assert.deepEqual(await loadsOf(t.world.store, [web1]), [0])
  })

  test('keeps the room reserved when it cannot know whether its claim is stored', async () => {
    const web1 = await anActiveServer(t.world, 'web-1')
    const id = await aDevice(t.world)
    const store = cuttable(t.world.store)
    const cutBeforeClaim = interrupted(store, 'Devices', async () => store.cut())

    await assert.rejects(assign({ ...t.world, store: cutBeforeClaim }, [id]), /cannot be reached/)

    assert.deepEqual(await loadsOf(t.world.store, [web1]), [1])
  })
})

describe('many devices at once', () => {
  test('are spread evenly over the servers', async () => {
    const servers = await activeServers(t.world, 4)
    const ids = await waitingDevices(t.world, 60)

    await assign(t.world, ids)

    assert.deepEqual(await ownedCounts(t.world.store, ids, servers), [15, 15, 15, 15])
    assert.deepEqual(await loadsOf(t.world.store, servers), [15, 15, 15, 15])
  })

  test('raced for by two assigners are each claimed once, within capacity, and every load is true', async () => {
    const servers = await activeServers(t.world, 6, { capacity: 40 })
    const ids = await waitingDevices(t.world, 200)
    const rival = worldOn(t.world.store, 2)

    const placements = await Promise.all([assign(t.world, ids), assign(rival, ids)])

    const assigned = placements.flat().filter(({ outcome }) => outcome === 'assigned')
    const owned = await ownedCounts(t.world.store, ids, servers)
    assert.equal(new Set(assigned.map((placement) => placement.deviceId)).size, 200)
    assert.equal(assigned.length, 200)
    assert.ok((await ownersOf(t.world.store, ids)).every(Boolean))
    assert.ok(Math.max(...owned) <= 40)
    assert.deepEqual(await loadsOf(t.world.store, servers), owned)
  })

  test('raced for with too little room fill every server and leave the others waiting', async () => {
    const servers = await activeServers(t.world, 3, { capacity: 10 })
    const ids = await waitingDevices(t.world, 50)
    const rival = worldOn(t.world.store, 2)

    await Promise.all([assign(t.world, ids), assign(rival, ids)])
    // In the race both reserved room for the same device. The room is free again by now.
    await assign(t.world, ids)

    assert.deepEqual(await ownedCounts(t.world.store, ids, servers), [10, 10, 10])
    assert.deepEqual(await loadsOf(t.world.store, servers), [10, 10, 10])
  })
})

describe('telling an owner to look', () => {
  test('raises its assignmentSeq first and rings it afterwards', async () => {
    const web1 = await anActiveServer(t.world, 'web-1')

    await notify(t.world, web1.serverId)

    assert.equal((await serverRow(t.world.store, 'web-1')).assignmentSeq, 1)
    assert.deepEqual(t.world.rings, ['web-1'])
  })

  test('rings no server when the owner is gone', async () => {
    const web1 = await anActiveServer(t.world, 'web-1')
    await bury(t.world.store, web1)

    await notify(t.world, web1.serverId)

    assert.deepEqual(t.world.rings, [])
  })
})
