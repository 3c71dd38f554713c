import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { release } from '../../../core/protocol/ownership.ts'
import { requestDeletion, stop } from '../../../core/requests/device-requests.ts'
import { beginSweep } from '../../../core/sweep/sweep.ts'
import {
  activeServers,
  aDevice,
  anActiveServer,
  aPermittedDevice,
  deviceRow,
  lookEverySecond,
  ownersOf,
  waitingDevices,
} from '../../builders/builders.ts'
import { world } from '../../builders/each-afresh.ts'

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

  test('are taken off the list when they are wanted stopped, and erased when they are being deleted', async () => {
    const web1 = await anActiveServer(world, 'web-1')
    const stopped = await aPermittedDevice(world, web1, 'stopped')
    const deleted = await aPermittedDevice(world, web1, 'deleted')
    await stop(world.store, world.clock, stopped.device, 'by the operator')
    await requestDeletion(world.store, world.clock, deleted.device)
    await release(world.store, world.clock, { ...stopped, status: 'stopped' })
    await release(world.store, world.clock, { ...deleted, status: 'stopped' })

    await beginSweep(world).look()

    const row = await deviceRow(world.store, stopped.device)
    assert.equal(row.status, 'stopped')
    assert.equal(row.unassignedShard, undefined)
    assert.equal(row.owner, undefined)
    assert.equal(await world.store.get('Devices', { deviceId: deleted.device }), undefined)
  })

  test('are erased by the first look even without any server, when they are being deleted', async () => {
    const id = await aDevice(world)
    await requestDeletion(world.store, world.clock, id)

    await beginSweep(world).look()

    assert.equal(await world.store.get('Devices', { deviceId: id }), undefined)
  })
})
