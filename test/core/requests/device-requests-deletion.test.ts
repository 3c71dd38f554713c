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
import { fresh } from '../../builders/fresh.ts'

const t = fresh()

describe('deletion', () => {
  test('of a device without an owner lists it, so that a sweep finishes the deletion after a crash', async () => {
    const id = await aDevice(t)
    await stop(t.store, t.clock, id, 'by the operator')

    const row = await requestDeletion(t.store, t.clock, id)

    assert.equal(row.deleting, true)
    assert.equal(row.desired, 'stopped')
    assert.ok(row.unassignedShard)
  })

  test('of an owned device is a request: the row stays while the device has an owner', async () => {
    const { deviceId } = await anOwnedDevice(t, await anActiveServer(t, 'web-1'))

    await requestDeletion(t.store, t.clock, deviceId)

    assert.equal(await erase(t.store, deviceId), false)
    assert.equal((await deviceRow(t.store, deviceId)).owner, 'web-1')
  })

  test('asked twice is harmless', async () => {
    const id = await aDevice(t)
    await requestDeletion(t.store, t.clock, id)

    assert.equal((await requestDeletion(t.store, t.clock, id)).deleting, true)
  })

  test('leaves nothing: neither the row nor its auth state nor its history', async () => {
    const id = await aDevice(t)
    const other = await aDevice(t, 'device-2')
    const world = { store: t.store, clock: t.clock, random: seededRandom() }
    const auth = (device: typeof id, key: string) => ({
      deviceId: device,
      key,
      epoch: 0 as never,
      value: 'v',
    })
    await t.store.put('AuthState', auth(id, 'device-1-creds/creds'))
    await t.store.put('AuthState', auth(id, 'older-creds/session/1'))
    await t.store.put('AuthState', auth(other, 'device-2-creds/creds'))
    await recordHistory(world, { deviceId: id, event: 'registered', why: 'asked for' })
    await requestDeletion(t.store, t.clock, id)

    assert.equal(await erase(t.store, id), true)

    assert.equal(await t.store.get('Devices', { deviceId: id }), undefined)
    assert.deepEqual((await t.store.query('AuthState', { partition: id })).rows, [])
    assert.deepEqual((await t.store.query('History', { partition: id })).rows, [])
    assert.equal((await t.store.query('AuthState', { partition: other })).rows.length, 1)
  })

  test('erases nothing of a device that is not being deleted', async () => {
    const id = await aDevice(t)

    assert.equal(await erase(t.store, id), false)
    assert.ok(await deviceRow(t.store, id))
  })

  test('spares a device that another call has erased and that was then registered again', async () => {
    const id = await aDevice(t)
    await requestDeletion(t.store, t.clock, id)
    const late: Store = {
      ...t.store,
      async remove(table, key, conditions) {
        await t.store.remove('Devices', { deviceId: id })
        await aDevice(t)
        return t.store.remove(table, key, conditions)
      },
    }

    assert.equal(await erase(late, id), false)
    assert.equal((await deviceRow(t.store, id)).desired, 'running')
  })

  test('spares the credentials of a device that was registered again before an older call lists items', async () => {
    const id = await aDevice(t)
    await requestDeletion(t.store, t.clock, id)
    const late: Store = {
      ...t.store,
      async query(table, query) {
        if (table === 'AuthState') {
          await erase(t.store, id)
          await register(t.store, t.clock, { deviceId: id, name: 'Phone', credentialsId: 'new' })
          await writeAuth(t.store, id, 'new/creds', epoch(1), 'keys')
        }
        return t.store.query(table, query)
      },
    }

    assert.equal(await erase(late, id), false)
    assert.equal((await t.store.get('AuthState', { deviceId: id, key: 'new/creds' }))?.value, 'keys')
  })

  test('by two calls at once succeeds for both', async () => {
    const id = await aDevice(t)
    await requestDeletion(t.store, t.clock, id)

    assert.deepEqual(await Promise.all([erase(t.store, id), erase(t.store, id)]), [true, true])
  })
})

describe('settleStopped, for a stopped device that lost its owner', () => {
  test('takes it off the waiting list', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const { deviceId } = await anOwnedDevice(t, web1)
    await stop(t.store, t.clock, deviceId, 'by the operator')
    await evict(t.store, t.clock, deviceId, web1)

    await settleStopped(t.store, t.clock, await deviceRow(t.store, deviceId), 'fresh-creds')

    const row = await deviceRow(t.store, deviceId)
    assert.equal(row.status, 'stopped')
    assert.equal(row.unassignedShard, undefined)
    assert.equal(row.credentialsId, 'device-1-creds')
  })

  test('finishes a logout when the owner died before it could do so', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const { deviceId } = await anOwnedDevice(t, web1)
    await logout(t.store, t.clock, deviceId, 'unused')
    await evict(t.store, t.clock, deviceId, web1)

    await settleStopped(t.store, t.clock, await deviceRow(t.store, deviceId), 'fresh-creds')

    const row = await deviceRow(t.store, deviceId)
    assert.equal(row.status, 'logged_out')
    assert.equal(row.credentialsId, 'fresh-creds')
    assert.equal(row.logout, undefined)
  })

  test('leaves the credentialsId that the owner wrote when it finished the logout itself', async () => {
    const held = await aPermittedDevice(t, await anActiveServer(t, 'web-1'))
    await logout(t.store, t.clock, held.device, 'unused')
    await release(t.store, t.clock, {
      ...held,
      status: 'logged_out',
      freshCredentialsId: 'named by the owner',
    })

    await settleStopped(t.store, t.clock, await deviceRow(t.store, held.device), 'another')

    const row = await deviceRow(t.store, held.device)
    assert.equal(row.status, 'logged_out')
    assert.equal(row.credentialsId, 'named by the owner')
  })

  test('keeps the status conflicted', async () => {
    const held = await aPermittedDevice(t, await anActiveServer(t, 'web-1'))
    await release(t.store, t.clock, { ...held, status: 'conflicted', noLongerWanted: true })

    await settleStopped(t.store, t.clock, await deviceRow(t.store, held.device), 'unused')

    const row = await deviceRow(t.store, held.device)
    assert.equal(row.status, 'conflicted')
    assert.equal(row.unassignedShard, undefined)
  })

  test('does nothing to a device that has an owner: the owner releases it', async () => {
    const held = await aPermittedDevice(t, await anActiveServer(t, 'web-1'))
    const stopped = await stop(t.store, t.clock, held.device, 'by the operator')

    await settleStopped(t.store, t.clock, stopped, 'unused')

    assert.deepEqual(await deviceRow(t.store, held.device), stopped)
  })

  test('does nothing to a device that was started in between', async () => {
    const id = await aDevice(t)
    await stop(t.store, t.clock, id, 'by the operator')
    const stale = await deviceRow(t.store, id)
    const started = await start(t.store, t.clock, id)

    await settleStopped(t.store, t.clock, stale, 'unused')

    assert.deepEqual(await deviceRow(t.store, id), started)
  })

  test('does not unlist a device whose logout was asked for after the row was read', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const { deviceId } = await anOwnedDevice(t, web1)
    await stop(t.store, t.clock, deviceId, 'by the operator')
    await evict(t.store, t.clock, deviceId, web1)
    const stale = await deviceRow(t.store, deviceId)
    await start(t.store, t.clock, deviceId)
    await claim(t.store, t.clock, aClaim(deviceId, web1))
    await logout(t.store, t.clock, deviceId, 'unused')
    await evict(t.store, t.clock, deviceId, web1)
    const waiting = await deviceRow(t.store, deviceId)

    await settleStopped(t.store, t.clock, stale, 'unused')

    assert.deepEqual(await deviceRow(t.store, deviceId), waiting)
  })

  test('does not unlist a device that is being deleted', async () => {
    const id = await aDevice(t)
    await stop(t.store, t.clock, id, 'by the operator')
    const stale = await deviceRow(t.store, id)
    await requestDeletion(t.store, t.clock, id)

    await settleStopped(t.store, t.clock, stale, 'unused')

    assert.ok((await deviceRow(t.store, id)).unassignedShard)
  })
})
