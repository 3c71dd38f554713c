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
import { fresh } from '../../builders/fresh.ts'

const t = fresh()

describe('waiting devices', () => {
  test('are claimed at the next look, from every shard of the waiting list', async () => {
    await activeServers(t.world, 2)
    const ids = await waitingDevices(t.world, 40)

    await beginSweep(t.world).look()

    assert.equal((await ownersOf(t.world.store, ids)).filter(Boolean).length, 40)
  })

  test('are claimed once there is room', async () => {
    const small = await anActiveServer(t.world, 'small', { capacity: 1 })
    const ids = await waitingDevices(t.world, 2)
    const watching = beginSweep(t.world)
    await watching.look()
    const placed = (await ownersOf(t.world.store, ids)).filter(Boolean).length

    const large = await anActiveServer(t.world, 'large')
    await lookEverySecond(t.world, watching, 1, [small, large])

    assert.equal(placed, 1)
    assert.deepEqual(new Set(await ownersOf(t.world.store, ids)), new Set(['small', 'large']))
  })

  test('are taken off the list when they are wanted stopped, and erased when they are being deleted', async () => {
    const web1 = await anActiveServer(t.world, 'web-1')
    const stopped = await aPermittedDevice(t.world, web1, 'stopped')
    const deleted = await aPermittedDevice(t.world, web1, 'deleted')
    await stop(t.world.store, t.world.clock, stopped.device, 'by the operator')
    await requestDeletion(t.world.store, t.world.clock, deleted.device)
    await release(t.world.store, t.world.clock, { ...stopped, status: 'stopped' })
    await release(t.world.store, t.world.clock, { ...deleted, status: 'stopped' })

    await beginSweep(t.world).look()

    const row = await deviceRow(t.world.store, stopped.device)
    assert.equal(row.status, 'stopped')
    assert.equal(row.unassignedShard, undefined)
    assert.equal(row.owner, undefined)
    assert.equal(await t.world.store.get('Devices', { deviceId: deleted.device }), undefined)
  })

  test('are erased by the first look even without any server, when they are being deleted', async () => {
    const id = await aDevice(t.world)
    await requestDeletion(t.world.store, t.world.clock, id)

    await beginSweep(t.world).look()

    assert.equal(await t.world.store.get('Devices', { deviceId: id }), undefined)
  })
})
