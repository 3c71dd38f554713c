import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { epoch } from '../../../core/ids.ts'
import { writeAuth } from '../../../core/protocol/auth-writes.ts'
import { claim, evict, register, release } from '../../../core/protocol/ownership.ts'
import {
  erase,
  logout,
  requestDeletion,
  settleStopped,
  start,
  stop,
} from '../../../core/requests/device-requests.ts'
import type { Store } from '../../../core/store/store.ts'
import { recordHistory } from '../../../core/telemetry/history.ts'
import {
  aClaim,
  aDevice,
  anActiveServer,
  anOwnedDevice,
  aPermittedDevice,
  deviceRow,
} from '../../builders/builders.ts'
import { seededRandom } from '../../builders/chance.ts'
import { at, clock, store } from '../../builders/each-afresh.ts'

describe('deletion', () => {
  test('of a device without an owner lists it, so that a sweep finishes the deletion after a crash', async () => {
    const id = await aDevice(at)
    await stop(store, clock, id, 'by the operator')

    const row = await requestDeletion(store, clock, id)

    assert.equal(row.deleting, true)
    assert.equal(row.desired, 'stopped')
    assert.ok(row.unassignedShard)
  })

  test('of an owned device is a request: the row stays while the device has an owner', async () => {
    const { deviceId } = await anOwnedDevice(at, await anActiveServer(at, 'web-1'))

    await requestDeletion(store, clock, deviceId)

    assert.equal(await erase(store, deviceId), false)
    assert.equal((await deviceRow(store, deviceId)).owner, 'web-1')
  })

  test('asked twice is harmless', async () => {
    const id = await aDevice(at)
    await requestDeletion(store, clock, id)

    assert.equal((await requestDeletion(store, clock, id)).deleting, true)
  })

  test('leaves nothing: neither the row nor its auth state nor its history', async () => {
    const id = await aDevice(at)
    const other = await aDevice(at, 'device-2')
    const world = { store, clock, random: seededRandom() }
    const auth = (device: typeof id, key: string) => ({
      deviceId: device,
      key,
      epoch: 0 as never,
      value: 'v',
    })
    await store.put('AuthState', auth(id, 'device-1-creds/creds'))
    await store.put('AuthState', auth(id, 'older-creds/session/1'))
    await store.put('AuthState', auth(other, 'device-2-creds/creds'))
    await recordHistory(world, { deviceId: id, event: 'registered', why: 'asked for' })
    await requestDeletion(store, clock, id)

    assert.equal(await erase(store, id), true)

    assert.equal(await store.get('Devices', { deviceId: id }), undefined)
    assert.deepEqual((await store.query('AuthState', { partition: id })).rows, [])
    assert.deepEqual((await store.query('History', { partition: id })).rows, [])
    assert.equal((await store.query('AuthState', { partition: other })).rows.length, 1)
  })

  test('erases nothing of a device that is not being deleted', async () => {
    const id = await aDevice(at)

    assert.equal(await erase(store, id), false)
    assert.ok(await deviceRow(store, id))
  })

  test('spares a device that another call has erased and that was then registered again', async () => {
    const id = await aDevice(at)
    await requestDeletion(store, clock, id)
    const late: Store = {
      ...store,
      async remove(table, key, conditions) {
        await store.remove('Devices', { deviceId: id })
        await aDevice(at)
        return store.remove(table, key, conditions)
      },
    }

    assert.equal(await erase(late, id), false)
    assert.equal((await deviceRow(store, id)).desired, 'running')
  })

  test('spares the credentials of a device that was registered again before an older call lists items', async () => {
    const id = await aDevice(at)
    await requestDeletion(store, clock, id)
    const late: Store = {
      ...store,
      async query(table, query) {
        if (table === 'AuthState') {
          await erase(store, id)
          await register(store, clock, { deviceId: id, name: 'Phone', credentialsId: 'new' })
          await writeAuth(store, id, 'new/creds', epoch(1), 'keys')
        }
        return store.query(table, query)
      },
    }

    assert.equal(await erase(late, id), false)
    assert.equal((await store.get('AuthState', { deviceId: id, key: 'new/creds' }))?.value, 'keys')
  })

  test('by two calls at once succeeds for both', async () => {
    const id = await aDevice(at)
    await requestDeletion(store, clock, id)

    assert.deepEqual(await Promise.all([erase(store, id), erase(store, id)]), [true, true])
  })
})

describe('settleStopped, for a stopped device that lost its owner', () => {
  test('takes it off the waiting list', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    const { deviceId } = await anOwnedDevice(at, web1)
    await stop(store, clock, deviceId, 'by the operator')
    await evict(store, clock, deviceId, web1)

    await settleStopped(store, clock, await deviceRow(store, deviceId), 'fresh-creds')

    const row = await deviceRow(store, deviceId)
    assert.equal(row.status, 'stopped')
    assert.equal(row.unassignedShard, undefined)
    assert.equal(row.credentialsId, 'device-1-creds')
  })

  test('finishes a logout when the owner died before it could do so', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    const { deviceId } = await anOwnedDevice(at, web1)
    await logout(store, clock, deviceId, 'unused')
    await evict(store, clock, deviceId, web1)

    await settleStopped(store, clock, await deviceRow(store, deviceId), 'fresh-creds')

    const row = await deviceRow(store, deviceId)
    assert.equal(row.status, 'logged_out')
    assert.equal(row.credentialsId, 'fresh-creds')
    assert.equal(row.logout, undefined)
  })

  test('leaves the credentialsId that the owner wrote when it finished the logout itself', async () => {
    const held = await aPermittedDevice(at, await anActiveServer(at, 'web-1'))
    await logout(store, clock, held.device, 'unused')
    await release(store, clock, { ...held, status: 'logged_out', freshCredentialsId: 'named by the owner' })

    await settleStopped(store, clock, await deviceRow(store, held.device), 'another')

    const row = await deviceRow(store, held.device)
    assert.equal(row.status, 'logged_out')
    assert.equal(row.credentialsId, 'named by the owner')
  })

  test('keeps the status conflicted', async () => {
    const held = await aPermittedDevice(at, await anActiveServer(at, 'web-1'))
    await release(store, clock, { ...held, status: 'conflicted', noLongerWanted: true })

    await settleStopped(store, clock, await deviceRow(store, held.device), 'unused')

    const row = await deviceRow(store, held.device)
    assert.equal(row.status, 'conflicted')
    assert.equal(row.unassignedShard, undefined)
  })

  test('does nothing to a device that has an owner: the owner releases it', async () => {
    const held = await aPermittedDevice(at, await anActiveServer(at, 'web-1'))
    const stopped = await stop(store, clock, held.device, 'by the operator')

    await settleStopped(store, clock, stopped, 'unused')

    assert.deepEqual(await deviceRow(store, held.device), stopped)
  })

  test('does nothing to a device that was started in between', async () => {
    const id = await aDevice(at)
    await stop(store, clock, id, 'by the operator')
    const stale = await deviceRow(store, id)
    const started = await start(store, clock, id)

    await settleStopped(store, clock, stale, 'unused')

    assert.deepEqual(await deviceRow(store, id), started)
  })

  test('does not unlist a device whose logout was asked for after the row was read', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    const { deviceId } = await anOwnedDevice(at, web1)
    await stop(store, clock, deviceId, 'by the operator')
    await evict(store, clock, deviceId, web1)
    const stale = await deviceRow(store, deviceId)
    await start(store, clock, deviceId)
    await claim(store, clock, aClaim(deviceId, web1))
    await logout(store, clock, deviceId, 'unused')
    await evict(store, clock, deviceId, web1)
    const waiting = await deviceRow(store, deviceId)

    await settleStopped(store, clock, stale, 'unused')

    assert.deepEqual(await deviceRow(store, deviceId), waiting)
  })

  test('does not unlist a device that is being deleted', async () => {
    const id = await aDevice(at)
    await stop(store, clock, id, 'by the operator')
    const stale = await deviceRow(store, id)
    await requestDeletion(store, clock, id)

    await settleStopped(store, clock, stale, 'unused')

    assert.ok((await deviceRow(store, id)).unassignedShard)
  })
})
