import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { serverId } from '../../../core/ids.ts'
import { bury } from '../../../core/protocol/membership.ts'
import { claim, evict, permit, readDevice, register, release } from '../../../core/protocol/ownership.ts'
import { requestDeletion, stop } from '../../../core/requests/device-requests.ts'
import {
  aClaim,
  aDevice,
  anActiveServer,
  anOwnedDevice,
  aPermittedDevice,
  deviceRow,
  serverRow,
} from '../../builders/builders.ts'
import { at, clock, store } from '../../builders/each-afresh.ts'
import { losingAnswers } from '../../builders/faulty-stores.ts'

describe('register', () => {
  test('puts a device that wants to run, has no owner, stands at epoch 0 and is listed as waiting', async () => {
    const id = await aDevice(at)

    const row = await deviceRow(store, id)
    assert.equal(row.desired, 'running')
    assert.equal(row.status, 'unassigned')
    assert.equal(row.epoch, 0)
    assert.equal(row.owner, undefined)
    assert.ok(row.unassignedShard)
  })

  test('of an id that is there is refused and leaves the device as it is', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    const owned = await anOwnedDevice(at, web1)

    const again = { deviceId: owned.deviceId, name: 'Other', credentialsId: 'other-creds' }

    assert.equal(await register(store, clock, again), false)
    assert.deepEqual(await deviceRow(store, owned.deviceId), owned)
  })
})

describe('claim', () => {
  test('makes the server the owner and takes the device off the waiting list', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    const id = await aDevice(at)

    const owned = await claim(store, clock, aClaim(id, web1))

    assert.equal(owned.owner, 'web-1')
    assert.equal(owned.status, 'assigned')
    assert.equal(owned.unassignedShard, undefined)
    assert.deepEqual(await deviceRow(store, id), owned)
  })

  test('of a device that has an owner is refused and changes nothing', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    const web2 = await anActiveServer(at, 'web-2')
    const owned = await anOwnedDevice(at, web1)

    await assert.rejects(claim(store, clock, aClaim(owned.deviceId, web2)), { code: 'ALREADY_OWNED' })
    assert.deepEqual(await deviceRow(store, owned.deviceId), owned)
  })

  test('is refused to the owner itself, too: a second claim is somebody else’s', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    const { deviceId } = await anOwnedDevice(at, web1)

    const second = aClaim(deviceId, web1, { claimId: 'another claim' })

    await assert.rejects(claim(store, clock, second), { code: 'ALREADY_OWNED' })
  })

  test('of a stopped device is refused', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    const id = await aDevice(at)
    await stop(store, clock, id, 'by the operator')

    await assert.rejects(claim(store, clock, aClaim(id, web1)), { code: 'NOT_WANTED' })
    assert.equal((await deviceRow(store, id)).owner, undefined)
  })

  test('of a device that is being deleted is refused', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    const id = await aDevice(at)
    await requestDeletion(store, clock, id)

    await assert.rejects(claim(store, clock, aClaim(id, web1)), { code: 'NOT_WANTED' })
  })

  test('of a device that does not exist is refused and creates none', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    const id = await aDevice(at)
    await store.remove('Devices', { deviceId: id })

    await assert.rejects(claim(store, clock, aClaim(id, web1)), { code: 'DEVICE_NOT_FOUND' })
    assert.equal(await store.get('Devices', { deviceId: id }), undefined)
  })

  test('by 50 servers at once makes exactly one of them the owner', async () => {
    const id = await aDevice(at)
    const claimers = Array.from({ length: 50 }, (_, n) => ({
      serverId: serverId(`web-${n}`),
      name: `web-${n}`,
    }))

    const claims = await Promise.allSettled(claimers.map((server) => claim(store, clock, aClaim(id, server))))

    const winners = claims.flatMap((one) => (one.status === 'fulfilled' ? [one.value.owner] : []))
    assert.equal(winners.length, 1)
    assert.equal((await deviceRow(store, id)).owner, winners[0])
  })

  test('whose answer was lost is recognised by its claim id', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    const id = await aDevice(at)

    const owned = await claim(losingAnswers(store), clock, aClaim(id, web1))

    assert.equal(owned.owner, 'web-1')
  })

  test('keeps the home of a device that is placed elsewhere, and forgets it on arrival', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    const web2 = await anActiveServer(at, 'web-2')
    const away = await aPermittedDevice(at, web1)
    await release(store, clock, { ...away, status: 'unassigned', homeName: 'web-1' })

    const elsewhere = await claim(store, clock, aClaim(away.device, web2, { keepHome: true }))
    const again = await permit(store, clock, away.device, web2.serverId)
    await release(store, clock, {
      ...away,
      ...again,
      server: web2.serverId,
      status: 'unassigned',
      homeName: 'web-1',
    })
    const arrived = await claim(store, clock, aClaim(away.device, web1, { keepHome: false }))

    assert.equal(elsewhere.home?.name, 'web-1')
    assert.equal(arrived.home, undefined)
  })
})

describe('evict', () => {
  test('takes the device from the named server and keeps that server’s name as its home', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    const { deviceId } = await anOwnedDevice(at, web1)
    await bury(store, await serverRow(store, 'web-1'))

    const evicted = await evict(store, clock, deviceId, web1)

    const row = await deviceRow(store, deviceId)
    assert.equal(evicted, true)
    assert.equal(row.owner, undefined)
    assert.equal(row.status, 'unassigned')
    assert.equal(row.home?.name, 'web-1')
    assert.ok(row.unassignedShard)
  })

  test('leaves a device alone that another server owns by now', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    const web2 = await anActiveServer(at, 'web-2')
    const owned = await anOwnedDevice(at, web2)

    assert.equal(await evict(store, clock, owned.deviceId, web1), false)
    assert.deepEqual(await deviceRow(store, owned.deviceId), owned)
  })

  test('of a device without an owner, or without a row, does nothing', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    const waiting = await aDevice(at)
    const before = await deviceRow(store, waiting)

    assert.equal(await evict(store, clock, waiting, web1), false)
    assert.deepEqual(await deviceRow(store, waiting), before)
    await store.remove('Devices', { deviceId: waiting })
    assert.equal(await evict(store, clock, waiting, web1), false)
    assert.equal(await store.get('Devices', { deviceId: waiting }), undefined)
  })

  test('keeps the epoch, so that the next socket stands above the last', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    const web2 = await anActiveServer(at, 'web-2')
    const held = await aPermittedDevice(at, web1)
    await evict(store, clock, held.device, web1)
    await claim(store, clock, aClaim(held.device, web2))

    const next = await permit(store, clock, held.device, web2.serverId)

    assert.ok(next.epoch > held.epoch)
  })
})

test('a device that does not exist cannot be read', async () => {
  const id = await aDevice(at)
  await store.remove('Devices', { deviceId: id })

  await assert.rejects(readDevice(store, id), { code: 'DEVICE_NOT_FOUND' })
})
