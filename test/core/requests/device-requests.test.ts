import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { claim, evict, permit, release, report } from '../../../core/protocol/ownership.ts'
import {
  logout,
  requestDeletion,
  requestMove,
  requestPairingCode,
  restart,
  start,
  stop,
} from '../../../core/requests/device-requests.ts'
import { hasSettled } from '../../../core/store/device-row.ts'
import { aClaim, aDevice, anActiveServer, anOwnedDevice, aPermittedDevice } from '../../builders/builders.ts'
import { interrupted, onTurn } from '../../builders/faulty-stores.ts'
import { fresh } from '../../builders/fresh.ts'

const t = fresh()

describe('stop', () => {
  test('of a device without an owner stops it at once and takes it off the waiting list', async () => {
    const id = await aDevice(t)

    const row = await stop(t.store, t.clock, id, 'by the operator')

    assert.equal(row.desired, 'stopped')
    assert.equal(row.status, 'stopped')
    assert.equal(row.statusReason, 'by the operator')
    assert.equal(row.unassignedShard, undefined)
  })

  test('of an owned device is a request: owner, epoch and status stay until the owner releases it', async () => {
    const held = await aPermittedDevice(t, await anActiveServer(t, 'web-1'))

    const row = await stop(t.store, t.clock, held.device, 'by the operator')

    assert.equal(row.desired, 'stopped')
    assert.equal(row.status, 'connecting')
    assert.equal(row.owner, held.server)
    assert.equal(row.epoch, held.epoch)
  })

  test('twice is harmless', async () => {
    const id = await aDevice(t)

    await stop(t.store, t.clock, id, 'by the operator')

    assert.equal((await stop(t.store, t.clock, id, 'again')).desired, 'stopped')
  })

  test('reaches a device that is claimed while the stop is under way', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const id = await aDevice(t)
    const claiming = onTurn(1, () => claim(t.store, t.clock, aClaim(id, web1)))

    const row = await stop(interrupted(t.store, 'Devices', claiming), t.clock, id, 'by the operator')

    assert.equal(row.desired, 'stopped')
    assert.equal(row.owner, 'web-1')
  })

  test('reaches a device that is evicted while the stop is under way', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const { deviceId } = await anOwnedDevice(t, web1)
    const evicting = onTurn(2, () => evict(t.store, t.clock, deviceId, web1))

    const row = await stop(interrupted(t.store, 'Devices', evicting), t.clock, deviceId, 'by the operator')

    assert.equal(row.desired, 'stopped')
    assert.equal(row.status, 'stopped')
    assert.equal(row.owner, undefined)
  })
})

describe('start', () => {
  test('of a stopped device without an owner puts it on the waiting list', async () => {
    const id = await aDevice(t)
    await stop(t.store, t.clock, id, 'by the operator')

    const row = await start(t.store, t.clock, id)

    assert.equal(row.desired, 'running')
    assert.equal(row.status, 'unassigned')
    assert.equal(row.statusReason, undefined)
    assert.ok(row.unassignedShard)
  })

  test('of an owned device withdraws the stop and leaves the owner', async () => {
    const held = await aPermittedDevice(t, await anActiveServer(t, 'web-1'))
    await stop(t.store, t.clock, held.device, 'by the operator')

    const row = await start(t.store, t.clock, held.device)

    assert.equal(row.desired, 'running')
    assert.equal(row.owner, 'web-1')
    assert.equal((await permit(t.store, t.clock, held.device, held.server)).epoch, 2)
  })

  test('ends a conflict: the device waits again and its old conflicts do not count', async () => {
    const held = await aPermittedDevice(t, await anActiveServer(t, 'web-1'))
    await report(t.store, t.clock, held, { set: { conflicts: [1, 2, 3] } })
    await release(t.store, t.clock, { ...held, status: 'conflicted', noLongerWanted: true })

    const row = await start(t.store, t.clock, held.device)

    assert.equal(row.desired, 'running')
    assert.equal(row.status, 'unassigned')
    assert.equal(row.conflicts, undefined)
  })

  test('withdraws a logout that the owner has not yet seen', async () => {
    const { deviceId } = await anOwnedDevice(t, await anActiveServer(t, 'web-1'))
    await logout(t.store, t.clock, deviceId, 'fresh-creds')

    const row = await start(t.store, t.clock, deviceId)

    assert.equal(row.desired, 'running')
    assert.equal(row.logout, undefined)
    assert.equal(row.credentialsId, 'device-1-creds')
  })

  test('of a device that is being deleted is refused', async () => {
    const id = await aDevice(t)
    await requestDeletion(t.store, t.clock, id)

    await assert.rejects(start(t.store, t.clock, id), { code: 'DEVICE_BEING_DELETED' })
  })

  test('of a device that does not exist is refused and creates no row', async () => {
    const id = await aDevice(t)
    await t.store.remove('Devices', { deviceId: id })

    await assert.rejects(start(t.store, t.clock, id), { code: 'DEVICE_NOT_FOUND' })
    assert.equal(await t.store.get('Devices', { deviceId: id }), undefined)
  })
})

describe('restart', () => {
  test('raises the number that the owner watches', async () => {
    const { deviceId } = await anOwnedDevice(t, await anActiveServer(t, 'web-1'))

    await restart(t.store, t.clock, deviceId)

    assert.equal((await restart(t.store, t.clock, deviceId)).restarts, 2)
  })

  test('of a stopped device is refused', async () => {
    const id = await aDevice(t)
    await stop(t.store, t.clock, id, 'by the operator')

    await assert.rejects(restart(t.store, t.clock, id), { code: 'DEVICE_NOT_RUNNING' })
  })

  test('of a device that is being deleted, or does not exist, is refused', async () => {
    const id = await aDevice(t)
    await requestDeletion(t.store, t.clock, id)

    await assert.rejects(restart(t.store, t.clock, id), { code: 'DEVICE_BEING_DELETED' })
    await t.store.remove('Devices', { deviceId: id })
    await assert.rejects(restart(t.store, t.clock, id), { code: 'DEVICE_NOT_FOUND' })
  })
})

describe('logout', () => {
  test('without an owner archives the credentials at once', async () => {
    const id = await aDevice(t)

    const row = await logout(t.store, t.clock, id, 'fresh-creds')

    assert.equal(row.status, 'logged_out')
    assert.equal(row.desired, 'stopped')
    assert.equal(row.credentialsId, 'fresh-creds')
    assert.equal(row.unassignedShard, undefined)
  })

  test('of an owned device leaves the credentials to the owner, who must tell WhatsApp with them', async () => {
    const { deviceId } = await anOwnedDevice(t, await anActiveServer(t, 'web-1'))

    const row = await logout(t.store, t.clock, deviceId, 'fresh-creds')

    assert.equal(row.logout, true)
    assert.equal(row.desired, 'stopped')
    assert.equal(row.credentialsId, 'device-1-creds')
  })
})

describe('a pairing code', () => {
  const request = { phoneNumber: '15550100138', requestId: 'request-1' }

  test('is asked for in the row of a running device', async () => {
    const { deviceId } = await anOwnedDevice(t, await anActiveServer(t, 'web-1'))

    const row = await requestPairingCode(t.store, t.clock, deviceId, request)

    assert.deepEqual(row.pairingCodeRequest, { ...request, at: t.clock.wallMs() })
  })

  test('is refused for a stopped device and for a paired device', async () => {
    const held = await aPermittedDevice(t, await anActiveServer(t, 'web-1'))
    const stopped = await aDevice(t, 'device-2')
    await report(t.store, t.clock, held, { set: { pairedAt: 5 } })
    await stop(t.store, t.clock, stopped, 'by the operator')

    await assert.rejects(requestPairingCode(t.store, t.clock, held.device, request), {
      code: 'ALREADY_PAIRED',
    })
    await assert.rejects(requestPairingCode(t.store, t.clock, stopped, request), {
      code: 'DEVICE_NOT_RUNNING',
    })
  })
})

describe('a move', () => {
  test('is asked of the named owner, which keeps the device until it releases it', async () => {
    const { deviceId, owner } = await anOwnedDevice(t, await anActiveServer(t, 'web-1'))

    const row = await requestMove(t.store, t.clock, {
      device: deviceId,
      from: owner,
      to: 'any',
      why: 'a test',
    })

    assert.equal(row?.moveTo, 'any')
    assert.equal(row?.owner, 'web-1')
  })

  test('is refused when another server owns the device, or none', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const web2 = await anActiveServer(t, 'web-2')
    const { deviceId } = await anOwnedDevice(t, web1)
    const waiting = await aDevice(t, 'device-2')

    assert.equal(
      await requestMove(t.store, t.clock, {
        device: deviceId,
        from: web2.serverId,
        to: 'any',
        why: 'a test',
      }),
      undefined,
    )
    assert.equal(
      await requestMove(t.store, t.clock, { device: waiting, from: web1.serverId, to: 'any', why: 'a test' }),
      undefined,
    )
  })

  test('is refused for a device that is wanted stopped', async () => {
    const { deviceId, owner } = await anOwnedDevice(t, await anActiveServer(t, 'web-1'))
    await stop(t.store, t.clock, deviceId, 'by the operator')

    assert.equal(
      await requestMove(t.store, t.clock, { device: deviceId, from: owner, to: 'any', why: 'a test' }),
      undefined,
    )
  })
})

test('a device that WhatsApp refuses for a while has settled; a device that backs off has not', () => {
  assert.equal(hasSettled({ status: 'disconnected', refusedUntil: 1 }), true)
  assert.equal(hasSettled({ status: 'disconnected' }), false)
  assert.equal(hasSettled({ status: 'connecting', refusedUntil: 1 }), false)
  assert.equal(hasSettled({ status: 'connected' }), true)
})
