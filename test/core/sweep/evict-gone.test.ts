import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { buryExited, leave } from '../../../core/protocol/membership.ts'
import { beginSweep } from '../../../core/sweep/sweep.ts'
import { aDevice, anActiveServer, anOwnedDevice, lookEverySecond, ownersOf } from '../../builders/builders.ts'
import { fresh } from '../../builders/fresh.ts'

const t = fresh()

describe('a device of a server that is gone', () => {
  test('is taken from a server that was buried by its exit, and from a server that left', async () => {
    const exited = await anActiveServer(t.world, 'exited')
    const left = await anActiveServer(t.world, 'left')
    const first = await anOwnedDevice(t.world, exited, 'device-1')
    const second = await anOwnedDevice(t.world, left, 'device-2')
    await buryExited(t.world.store, exited, 'exit code 137')
    await leave(t.world.store, left)
    await anActiveServer(t.world, 'other')

    await beginSweep(t.world).look()

    assert.deepEqual(await ownersOf(t.world.store, [first.deviceId, second.deviceId]), ['other', 'other'])
  })

  test('is found at a later look, when the index had not yet listed it', async () => {
    const gone = await anActiveServer(t.world, 'gone')
    const other = await anActiveServer(t.world, 'other')
    const watching = beginSweep(t.world)
    await buryExited(t.world.store, gone, 'exit code 137')
    await watching.look()
    const id = await aDevice(t.world)
    // A slow caller claims for the gone server: it had reserved room before the burial.
    await t.world.store.update(
      'Devices',
      { deviceId: id },
      { set: { owner: gone.serverId }, remove: ['unassignedShard'], when: [] },
    )

    await lookEverySecond(t.world, watching, 1, [other])

    assert.deepEqual(await ownersOf(t.world.store, [id]), ['other'])
  })

  test('is found by the next sweep when it was claimed after the sweep had stopped searching', async () => {
    const gone = await anActiveServer(t.world, 'gone')
    const other = await anActiveServer(t.world, 'other')
    const watching = beginSweep(t.world)
    await buryExited(t.world.store, gone, 'exit code 137')
    await lookEverySecond(t.world, watching, 20, [other])
    const id = await aDevice(t.world)
    await t.world.store.update(
      'Devices',
      { deviceId: id },
      { set: { owner: gone.serverId }, remove: ['unassignedShard'], when: [] },
    )

    await beginSweep(t.world).look()

    assert.deepEqual(await ownersOf(t.world.store, [id]), ['other'])
  })
})
