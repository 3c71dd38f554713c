import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deviceId } from '../../../core/ids.ts'
import type { Store } from '../../../core/store/store.ts'
import { sweep } from '../../../core/sweep/sweep.ts'
import { anActiveServer, anOwnedDevice, ownersOf } from '../../builders/builders.ts'
import { world } from '../../builders/each-afresh.ts'

describe('a device whose owner has no row', () => {
  test('is placed on another server', async () => {
    const gone = await anActiveServer(world, 'gone')
    const { deviceId } = await anOwnedDevice(world, gone)
    await world.store.remove('Servers', { serverId: gone.serverId })
    const other = await anActiveServer(world, 'other')

    await world.clock.runUntilDone(sweep(world, 1000))

    assert.deepEqual(await ownersOf(world.store, [deviceId]), [other.serverId])
  })

  test('is no orphan when its owner joined while the sweep was searching', async () => {
    const joining: Store = {
      ...world.store,
      async scan(table, part) {
        if (table === 'Devices') await anOwnedDevice(world, await anActiveServer(world, 'newcomer'))
        return world.store.scan(table, part)
      },
    }

    await world.clock.runUntilDone(sweep({ ...world, store: joining }, 1000))

    assert.deepEqual(await ownersOf(world.store, [deviceId('device-1')]), ['newcomer'])
    assert.deepEqual(world.told('device.evicted'), [])
  })

  test('is no orphan while its owner has a row, silent or not', async () => {
    const silent = await anActiveServer(world, 'silent')
    const { deviceId } = await anOwnedDevice(world, silent)
    await anActiveServer(world, 'other')

    await world.clock.runUntilDone(sweep(world, 1000))

    assert.deepEqual(await ownersOf(world.store, [deviceId]), ['silent'])
  })
})
