import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deviceId } from '../../../core/ids.ts'
import type { Store } from '../../../core/store/store.ts'
import { sweep } from '../../../core/sweep/sweep.ts'
import { anActiveServer, anOwnedDevice, ownersOf } from '../../builders/builders.ts'
import { fresh } from '../../builders/fresh.ts'

const t = fresh()

describe('a device whose owner has no row', () => {
  test('is placed on another server', async () => {
    const gone = await anActiveServer(t.world, 'gone')
    const { deviceId } = await anOwnedDevice(t.world, gone)
    await t.world.store.remove('Servers', { serverId: gone.serverId })
    const other = await anActiveServer(t.world, 'other')

    await t.world.clock.runUntilDone(sweep(t.world, 1000))

    assert.deepEqual(await ownersOf(t.world.store, [deviceId]), [other.serverId])
  })

  test('is no orphan when its owner joined while the sweep was searching', async () => {
    const joining: Store = {
      ...t.world.store,
      async scan(table, part) {
        if (table === 'Devices') await anOwnedDevice(t.world, await anActiveServer(t.world, 'newcomer'))
        return t.world.store.scan(table, part)
      },
    }

    await t.world.clock.runUntilDone(sweep({ ...t.world, store: joining }, 1000))

    assert.deepEqual(await ownersOf(t.world.store, [deviceId('device-1')]), ['newcomer'])
    assert.deepEqual(t.world.told('device.evicted'), [])
  })

  test('is no orphan while its owner has a row, silent or not', async () => {
    const silent = await anActiveServer(t.world, 'silent')
    const { deviceId } = await anOwnedDevice(t.world, silent)
    await anActiveServer(t.world, 'other')

    await t.world.clock.runUntilDone(sweep(t.world, 1000))

    assert.deepEqual(await ownersOf(t.world.store, [deviceId]), ['silent'])
  })
})
