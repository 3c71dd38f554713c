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
import { losingAnswers } from '../../builders/faulty-stores.ts'
import { fresh } from '../../builders/fresh.ts'

const t = fresh()

describe('register', () => {
  test('puts a device that is wanted running, has no owner and epoch 0, and is listed as waiting', async () => {
    const id = await aDevice(t)

    const row = await deviceRow(t.store, id)
    assert.equal(row.desired, 'running')
    assert.equal(row.status, 'unassigned')
    assert.equal(row.epoch, 0)
    assert.equal(row.owner, undefined)
    assert.ok(row.unassignedShard)
  })

  test('of an id that exists is refused and does not change the device', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const owned = await anOwnedDevice(t, web1)

    const again = { deviceId: owned.deviceId, name: 'Other', credentialsId: 'other-creds' }

    assert.equal(await register(t.store, t.clock, again), false)
    assert.deepEqual(await deviceRow(t.store, owned.deviceId), owned)
  })
})

describe('claim', () => {
  test('makes the server the owner and takes the device off the waiting list', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const id = await aDevice(t)

    const owned = await claim(t.store, t.clock, aClaim(id, web1))

    assert.equal(owned.owner, 'web-1')
    assert.equal(owned.status, 'assigned')
    assert.equal(owned.unassignedShard, undefined)
    assert.deepEqual(await deviceRow(t.store, id), owned)
  })

  test('of a device that has an owner is refused and changes nothing', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const web2 = await anActiveServer(t, 'web-2')
    const owned = await anOwnedDevice(t, web1)

    await assert.rejects(claim(t.store, t.clock, aClaim(owned.deviceId, web2)), { code: 'ALREADY_OWNED' })
    assert.deepEqual(await deviceRow(t.store, owned.deviceId), owned)
  })

  test('is also refused to the owner itself: a second claim has another claim id', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const { deviceId } = await anOwnedDevice(t, web1)

    const second = aClaim(deviceId, web1, { claimId: 'another claim' })

    await assert.rejects(claim(t.store, t.clock, second), { code: 'ALREADY_OWNED' })
  })

  test('of a stopped device is refused', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const id = await aDevice(t)
    await stop(t.store, t.clock, id, 'by the operator')

    await assert.rejects(claim(t.store, t.clock, aClaim(id, web1)), { code: 'NOT_WANTED' })
    assert.equal((await deviceRow(t.store, id)).owner, undefined)
  })

  test('of a device that is being deleted is refused', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const id = await aDevice(t)
    await requestDeletion(t.store, t.clock, id)

    await assert.rejects(claim(t.store, t.clock, aClaim(id, web1)), { code: 'NOT_WANTED' })
  })

  test('of a device that does not exist is refused and creates none', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const id = await aDevice(t)
    await t.store.remove('Devices', { deviceId: id })

    await assert.rejects(claim(t.store, t.clock, aClaim(id, web1)), { code: 'DEVICE_NOT_FOUND' })
    assert.equal(await t.store.get('Devices', { deviceId: id }), undefined)
  })

  test('by 50 servers at once makes exactly one of them the owner', async () => {
    const id = await aDevice(t)
    const claimers = Array.from({ length: 50 }, (_, n) => ({
      serverId: serverId(`web-${n}`),
      name: `web-${n}`,
    }))

    const claims = await Promise.allSettled(
      claimers.map((server) => claim(t.store, t.clock, aClaim(id, server))),
    )

    const winners = claims.flatMap((one) => (one.status === 'fulfilled' ? [one.value.owner] : []))
    assert.equal(winners.length, 1)
    assert.equal((await deviceRow(t.store, id)).owner, winners[0])
  })

  test('whose answer was lost is recognised by its claim id', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const id = await aDevice(t)

    const owned = await claim(losingAnswers(t.store), t.clock, aClaim(id, web1))

    assert.equal(owned.owner, 'web-1')
  })

  test('keeps the home of a device that is placed elsewhere, and removes it on arrival', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const web2 = await anActiveServer(t, 'web-2')
    const away = await aPermittedDevice(t, web1)
    await release(t.store, t.clock, { ...away, status: 'unassigned', homeName: 'web-1' })

    const elsewhere = await claim(t.store, t.clock, aClaim(away.device, web2, { keepHome: true }))
    const again = await permit(t.store, t.clock, away.device, web2.serverId)
    await release(t.store, t.clock, {
      ...away,
      ...again,
      server: web2.serverId,
      status: 'unassigned',
      homeName: 'web-1',
    })
    const arrived = await claim(t.store, t.clock, aClaim(away.device, web1, { keepHome: false }))

    assert.equal(elsewhere.home?.name, 'web-1')
    assert.equal(arrived.home, undefined)
  })
})

describe('evict', () => {
  test('takes the device from the named server and keeps that server’s name as its home', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const { deviceId } = await anOwnedDevice(t, web1)
    await bury(t.store, await serverRow(t.store, 'web-1'))

    const evicted = await evict(t.store, t.clock, deviceId, web1)

    const row = await deviceRow(t.store, deviceId)
    assert.equal(evicted, true)
    assert.equal(row.owner, undefined)
    assert.equal(row.status, 'unassigned')
    assert.equal(row.home?.name, 'web-1')
    assert.ok(row.unassignedShard)
  })

  test('does not change a device that another server owns by now', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const web2 = await anActiveServer(t, 'web-2')
    const owned = await anOwnedDevice(t, web2)

    assert.equal(await evict(t.store, t.clock, owned.deviceId, web1), false)
    assert.deepEqual(await deviceRow(t.store, owned.deviceId), owned)
  })

  test('of a device without an owner, or without a row, does nothing', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const waiting = await aDevice(t)
    const before = await deviceRow(t.store, waiting)

    assert.equal(await evict(t.store, t.clock, waiting, web1), false)
    assert.deepEqual(await deviceRow(t.store, waiting), before)
    await t.store.remove('Devices', { deviceId: waiting })
    assert.equal(await evict(t.store, t.clock, waiting, web1), false)
    assert.equal(await t.store.get('Devices', { deviceId: waiting }), undefined)
  })

  test('keeps the epoch, so that the next socket has a higher one', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const web2 = await anActiveServer(t, 'web-2')
    const held = await aPermittedDevice(t, web1)
    await evict(t.store, t.clock, held.device, web1)
    await claim(t.store, t.clock, aClaim(held.device, web2))

    const next = await permit(t.store, t.clock, held.device, web2.serverId)

    assert.ok(next.epoch > held.epoch)
  })
})

test('a device that does not exist cannot be read', async () => {
  const id = await aDevice(t)
  await t.store.remove('Devices', { deviceId: id })

  await assert.rejects(readDevice(t.store, id), { code: 'DEVICE_NOT_FOUND' })
})
