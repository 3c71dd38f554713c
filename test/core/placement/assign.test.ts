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
    assert.equal((await deviceRow(t.store, id)).owner, 'web-1')
    assert.deepEqual(await loadsOf(t.store, [{ serverId: 'web-1' as never }]), [1])
    assert.deepEqual(t.world.rings, ['web-1'])
    assert.deepEqual(
      (await readHistory(t.store, id, 9)).rows.map((entry) => entry.event),
      ['assigned'],
    )
  })

  test('raises the owner’s assignmentSeq, so that a lost doorbell costs a beat and no device', async () => {
    const web1 = await anActiveServer(t.world, 'web-1')

    await assign(t.world, [await aDevice(t.world)])

    assert.ok((await serverRow(t.store, 'web-1')).assignmentSeq > web1.assignmentSeq)
  })

  test('leaves a device alone that has an owner', async () => {
    const owned = await anOwnedDevice(t.world, await anActiveServer(t.world, 'web-1'))
    await anActiveServer(t.world, 'web-2')

    const placements = await assign(t.world, [owned.deviceId])

    assert.deepEqual(placements, [{ deviceId: owned.deviceId, outcome: 'already_owned' }])
    assert.deepEqual(await deviceRow(t.store, owned.deviceId), owned)
  })

  test('of a device named twice claims it once', async () => {
    const [web1] = await activeServers(t.world, 1)
    const id = await aDevice(t.world)

    const placements = await assign(t.world, [id, id])

    assert.equal(placements.length, 1)
    assert.equal((await serverRow(t.store, web1?.serverId ?? '')).load, 1)
  })

  test('gives no server to a stopped device and takes it off the waiting list', async () => {
    const web1 = await anActiveServer(t.world, 'web-1')
    const held = await aPermittedDevice(t.world, web1)
    await stop(t.store, t.clock, held.device, 'by the operator')
    await release(t.store, t.clock, { ...held, status: 'stopped' })

    const placements = await assign(t.world, [held.device])

    const row = await deviceRow(t.store, held.device)
    assert.deepEqual(placements, [{ deviceId: held.device, outcome: 'not_wanted' }])
    assert.deepEqual([row.status, row.unassignedShard], ['stopped', undefined])
    assert.deepEqual(t.world.rings, [])
  })

  test('erases a device that is being deleted', async () => {
    const id = await aDevice(t.world)
    await requestDeletion(t.store, t.clock, id)

    const placements = await assign(t.world, [id])

    assert.deepEqual(placements, [{ deviceId: id, outcome: 'erased' }])
    assert.equal(await t.store.get('Devices', { deviceId: id }), undefined)
    assert.deepEqual(t.world.told('device.erased'), [{ deviceId: id }])
  })

  test('passes over devices that do not exist', async () => {
    await anActiveServer(t.world, 'web-1')

    assert.deepEqual(await assign(t.world, [deviceId('nobody')]), [])
    assert.deepEqual(await assign(t.world, []), [])
  })

  test('tells of no room when no active server has any, and reserves none', async () => {
    const full = await anActiveServer(t.world, 'full', { capacity: 1 })
    const draining = await anActiveServer(t.world, 'draining')
    await anOwnedDevice(t.world, full, 'device-0')
    await drain(t.store, draining.serverId)
    const id = await aDevice(t.world)

    const placements = await assign(t.world, [id])

    assert.deepEqual(placements, [{ deviceId: id, outcome: 'no_room' }])
    assert.ok((await deviceRow(t.store, id)).unassignedShard)
    assert.deepEqual(await loadsOf(t.store, [full, draining]), [1, 0])
  })

  test('goes on to the next server when the chosen one fills or dies after it was read', async () => {
    const first = await anActiveServer(t.world, 'web-1')
    await anActiveServer(t.world, 'web-2', { capacity: 10 })
    await anOwnedDevice(t.world, await serverRow(t.store, 'web-2'), 'device-0')
    const id = await aDevice(t.world)
    const dying = interrupted(t.store, 'Servers', async () => {
      await bury(t.store, first)
    })

    const [placement] = await assign({ ...t.world, store: dying }, [id])

    assert.equal(placement?.server?.serverId, 'web-2')
    assert.equal((await deviceRow(t.store, id)).owner, 'web-2')
  })

  test('takes a device that shall move to the server it shall move to', async () => {
    await activeServers(t.world, 5)
    const from = await anActiveServer(t.world, 'from')
    const target = await anActiveServer(t.world, 'target')
    const held = await aPermittedDevice(t.world, from)
    await requestMove(t.store, t.clock, {
      device: held.device,
      from: from.serverId,
      to: target.serverId,
      why: 'a test',
    })
    await release(t.store, t.clock, { ...held, status: 'unassigned' })

    await assign(t.world, [held.device])

    const row = await deviceRow(t.store, held.device)
    assert.deepEqual([row.owner, row.moveTo, row.home], ['target', undefined, undefined])
    const [latest] = (await readHistory(t.store, held.device, 1)).rows
    assert.deepEqual([latest?.event, latest?.why], ['assigned', 'moved: a test'])
  })

  test('takes a device that shall move to any server to another one than it left', async () => {
    const from = await anActiveServer(t.world, 'from')
    const other = await anActiveServer(t.world, 'other', { capacity: 10 })
    await anOwnedDevice(t.world, other, 'device-0')
    const held = await aPermittedDevice(t.world, from)
    await requestMove(t.store, t.clock, {
      device: held.device,
      from: from.serverId,
      to: 'any',
      why: 'a test',
    })
    await release(t.store, t.clock, { ...held, status: 'unassigned' })

    await assign(t.world, [held.device])

    const row = await deviceRow(t.store, held.device)
    assert.deepEqual([row.owner, row.movedFrom], ['other', undefined])
  })

  test('takes a device home when a server of that name is there, else keeps the home for later', async () => {
    const web1 = await anActiveServer(t.world, 'first', { name: 'web-1' })
    await activeServers(t.world, 5)
    const away = await aPermittedDevice(t.world, web1, 'away')
    const returning = await aPermittedDevice(t.world, web1, 'returning')
    await release(t.store, t.clock, { ...returning, status: 'unassigned', homeName: 'web-1' })
    await release(t.store, t.clock, { ...away, status: 'unassigned', homeName: 'web-9' })

    await assign(t.world, [returning.device, away.device])

    const home = await deviceRow(t.store, returning.device)
    assert.deepEqual([home.owner, home.home], ['first', undefined])
    assert.equal((await deviceRow(t.store, away.device)).home?.name, 'web-9')
  })

  test('gives the room back when somebody else claimed the device first', async () => {
    const web1 = await anActiveServer(t.world, 'web-1', { capacity: 1 })
    const web2 = await anActiveServer(t.world, 'web-2')
    await anOwnedDevice(t.world, web1, 'device-0')
    const id = await aDevice(t.world)
    const raced = interrupted(t.store, 'Devices', async () => {
      await claim(t.store, t.clock, aClaim(id, web1)).catch(() => {})
    })

    const [placement] = await assign({ ...t.world, store: raced }, [id])

    assert.equal(placement?.outcome, 'already_owned')
    assert.deepEqual(await loadsOf(t.store, [web2]), [0])
    assert.equal(t.world.told('device.claim_lost').length, 1)
  })

  test('gives the room back when the device was stopped or deleted meanwhile', async () => {
    const web1 = await anActiveServer(t.world, 'web-1')
    const stopped = await aDevice(t.world, 'stopped')
    const gone = await aDevice(t.world, 'gone')
    const raced = interrupted(t.store, 'Devices', async () => {
      await stop(t.store, t.clock, stopped, 'by the operator')
      await t.store.remove('Devices', { deviceId: gone })
    })

    const placements = await assign({ ...t.world, store: raced }, [stopped, gone])

    assert.deepEqual(new Set(placements.map(({ outcome }) => outcome)), new Set(['not_wanted', 'gone']))
    assert.deepEqual(await loadsOf(t.store, [web1]), [0])
  })

  test('keeps the room reserved when it cannot know whether its claim stands', async () => {
    const web1 = await anActiveServer(t.world, 'web-1')
    const id = await aDevice(t.world)
    const store = cuttable(t.store)
    const cutBeforeClaim = interrupted(store, 'Devices', async () => store.cut())

    await assert.rejects(assign({ ...t.world, store: cutBeforeClaim }, [id]), /cannot be reached/)

    assert.deepEqual(await loadsOf(t.store, [web1]), [1])
  })
})

describe('many devices at once', () => {
  test('are spread evenly over the servers', async () => {
    const servers = await activeServers(t.world, 4)
    const ids = await waitingDevices(t.world, 60)

    await assign(t.world, ids)

    assert.deepEqual(await ownedCounts(t.store, ids, servers), [15, 15, 15, 15])
    assert.deepEqual(await loadsOf(t.store, servers), [15, 15, 15, 15])
  })

  test('raced for by two assigners are each claimed once, within capacity, and every load is true', async () => {
    const servers = await activeServers(t.world, 6, { capacity: 40 })
    const ids = await waitingDevices(t.world, 200)
    const rival = worldOn(t.store, 2)

    const placements = await Promise.all([assign(t.world, ids), assign(rival, ids)])

    const assigned = placements.flat().filter(({ outcome }) => outcome === 'assigned')
    const owned = await ownedCounts(t.store, ids, servers)
    assert.equal(new Set(assigned.map((placement) => placement.deviceId)).size, 200)
    assert.equal(assigned.length, 200)
    assert.ok((await ownersOf(t.store, ids)).every(Boolean))
    assert.ok(Math.max(...owned) <= 40)
    assert.deepEqual(await loadsOf(t.store, servers), owned)
  })

  test('raced for with too little room fill every server and leave the others waiting', async () => {
    const servers = await activeServers(t.world, 3, { capacity: 10 })
    const ids = await waitingDevices(t.world, 50)
    const rival = worldOn(t.store, 2)

    await Promise.all([assign(t.world, ids), assign(rival, ids)])
    // Room that the two held for the same device in the race is free again by now.
    await assign(t.world, ids)

    assert.deepEqual(await ownedCounts(t.store, ids, servers), [10, 10, 10])
    assert.deepEqual(await loadsOf(t.store, servers), [10, 10, 10])
  })
})

describe('telling an owner to look', () => {
  test('raises its assignmentSeq first and rings it then', async () => {
    const web1 = await anActiveServer(t.world, 'web-1')

    await notify(t.world, web1.serverId)

    assert.equal((await serverRow(t.store, 'web-1')).assignmentSeq, 1)
    assert.deepEqual(t.world.rings, ['web-1'])
  })

  test('rings nobody when it is gone', async () => {
    const web1 = await anActiveServer(t.world, 'web-1')
    await bury(t.store, web1)

    await notify(t.world, web1.serverId)

    assert.deepEqual(t.world.rings, [])
  })
})
