import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { buryExited, leave } from '../../../core/protocol/membership.ts'
import { beginSweep } from '../../../core/sweep/sweep.ts'
import { aDevice, anActiveServer, anOwnedDevice, lookEverySecond, ownersOf } from '../../builders/builders.ts'
import { world } from '../../builders/each-afresh.ts'

describe('a device of a server that is gone', () => {
  test('is taken from a server that was buried by its exit, and from a server that left', async () => {
    const exited = await anActiveServer(world, 'exited')
    const left = await anActiveServer(world, 'left')
    const first = await anOwnedDevice(world, exited, 'device-1')
    const second = await anOwnedDevice(world, left, 'device-2')
    await buryExited(world.store, exited, 'exit code 137')
    await leave(world.store, left)
    await anActiveServer(world, 'other')

    await beginSweep(world).look()

    assert.deepEqual(await ownersOf(world.store, [first.deviceId, second.deviceId]), ['other', 'other'])
  })

  test('is found at a later look, when the index had not yet listed it', async () => {
    const gone = await anActiveServer(world, 'gone')
    const other = await anActiveServer(world, 'other')
    const watching = beginSweep(world)
    await buryExited(world.store, gone, 'exit code 137')
    await watching.look()
    const id = await aDevice(world)
    // A slow caller claims for the gone server: it had reserved room before the burial.
    await world.store.update(
      'Devices',
      { deviceId: id },
      { set: { owner: gone.serverId }, remove: ['unassignedShard'], when: [] },
    )

    await lookEverySecond(world, watching, 1, [other])

    assert.deepEqual(await ownersOf(world.store, [id]), ['other'])
  })

  test('is found by the next sweep when it was claimed after the sweep had stopped searching', async () => {
    const gone = await anActiveServer(world, 'gone')
    const other = await anActiveServer(world, 'other')
    const watching = beginSweep(world)
    await buryExited(world.store, gone, 'exit code 137')
    await lookEverySecond(world, watching, 20, [other])
    const id = await aDevice(world)
    await world.store.update(
      'Devices',
      { deviceId: id },
      { set: { owner: gone.serverId }, remove: ['unassignedShard'], when: [] },
    )

    await beginSweep(world).look()

    assert.deepEqual(await ownersOf(world.store, [id]), ['other'])
  })
})
