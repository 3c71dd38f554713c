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

    assert.deepEqual([row.desired, row.status, row.statusReason], ['stopped', 'stopped', 'by the operator'])
    assert.equal(row.unassignedShard, undefined)
  })

  test('of an owned device is a wish: owner, epoch and status stay until the owner lets go', async () => {
    const held = await aPermittedDevice(t, await anActiveServer(t, 'web-1'))

    const row = await stop(t.store, t.clock, held.device, 'by the operator')

    assert.deepEqual([row.desired, row.status], ['stopped', 'connecting'])
    assert.deepEqual([row.owner, row.epoch], [held.server, held.epoch])
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

    assert.deepEqual([row.desired, row.owner], ['stopped', 'web-1'])
  })

  test('reaches a device that is evicted while the stop is under way', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const { deviceId } = await anOwnedDevice(t, web1)
    const evicting = onTurn(2, () => evict(t.store, t.clock, deviceId, web1))

    const row = await stop(interrupted(t.store, 'Devices', evicting), t.clock, deviceId, 'by the operator')

    assert.deepEqual([row.desired, row.status, row.owner], ['stopped', 'stopped', undefined])
  })
})

describe('start', () => {
  test('of a stopped device without an owner puts it on the waiting list', async () => {
    const id = await aDevice(t)
    await stop(t.store, t.clock, id, 'by the operator')

    const row = await start(t.store, t.clock, id)

    assert.deepEqual([row.desired, row.status, row.statusReason], ['running', 'unassigned', undefined])
    assert.ok(row.unassignedShard)
  })

  test('of an owned device takes the stop back and leaves the owner', async () => {
    const held = await aPermittedDevice(t, await anActiveServer(t, 'web-1'))
    await stop(t.store, t.clock, held.device, 'by the operator')

    const row = await start(t.store, t.clock, held.device)

    assert.deepEqual([row.desired, row.owner], ['running', 'web-1'])
    assert.equal((await permit(t.store, t.clock, held.device, held.server)).epoch, 2)
  })

  test('ends a conflict: the device waits again and its old conflicts do not count', async () => {
    const held = await aPermittedDevice(t, await anActiveServer(t, 'web-1'))
    await report(t.store, t.clock, held, { set: { conflicts: [1, 2, 3] } })
    await release(t.store, t.clock, { ...held, status: 'conflicted', noLongerWanted: true })

    const row = await start(t.store, t.clock, held.device)

    assert.deepEqual([row.desired, row.status, row.conflicts], ['running', 'unassigned', undefined])
  })

  test('takes back a logout that the owner has not yet seen', async () => {
    const { deviceId } = await anOwnedDevice(t, await anActiveServer(t, 'web-1'))
    await logout(t.store, t.clock, deviceId, 'fresh-creds')

    const row = await start(t.store, t.clock, deviceId)

    assert.deepEqual([row.desired, row.logout, row.credentialsId], ['running', undefined, 'device-1-creds'])
  })

  test('of a device that is being deleted is refused', async () => {
    const id = await aDevice(t)
    await requestDeletion(t.store, t.clock, id)

    await assert.rejects(start(t.store, t.clock, id), { code: 'DEVICE_BEING_DELETED' })
  })

  test('of a device that does not exist is refused and makes none', async () => {
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

    assert.deepEqual([row.status, row.desired, row.credentialsId], ['logged_out', 'stopped', 'fresh-creds'])
    assert.equal(row.unassignedShard, undefined)
  })

  test('of an owned device leaves the credentials to the owner, who must tell WhatsApp with them', async () => {
    const { deviceId } = await anOwnedDevice(t, await anActiveServer(t, 'web-1'))

    const row = await logout(t.store, t.clock, deviceId, 'fresh-creds')

    assert.deepEqual([row.logout, row.desired, row.credentialsId], [true, 'stopped', 'device-1-creds'])
  })
})

describe('a pairing code', () => {
  const request = { phoneNumber: '155501001238', requestId: 'request-1' }

  test('is asked for in the row of a running device', async () => {
    const { deviceId } = await anOwnedDevice(t, await anActiveServer(t, 'web-1'))

    const row = await requestPairingCode(t.store, t.clock, deviceId, request)

    assert.deepEqual(row.pairingCodeRequest, { ...request, at: t.clock.wallMs() })
  })

  test('is refused for a stopped device and for one that is paired', async () => {
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
  test('is asked of the named owner, who keeps the device until it lets go', async () => {
    const { deviceId, owner } = await anOwnedDevice(t, await anActiveServer(t, 'web-1'))

    const row = await requestMove(t.store, t.clock, {
      device: deviceId,
      from: owner,
      to: 'any',
      why: 'a test',
    })

    assert.deepEqual([row?.moveTo, row?.owner], ['any', 'web-1'])
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

  test('is refused for a device that shall stop', async () => {
    const { deviceId, owner } = await anOwnedDevice(t, await anActiveServer(t, 'web-1'))
    await stop(t.store, t.clock, deviceId, 'by the operator')

    assert.equal(
      await requestMove(t.store, t.clock, { device: deviceId, from: owner, to: 'any', why: 'a test' }),
      undefined,
    )
  })
})

test('a device that WhatsApp refuses for a while has settled; one that backs off has not', () => {
  assert.equal(hasSettled({ status: 'disconnected', refusedUntil: 1 }), true)
  assert.equal(hasSettled({ status: 'disconnected' }), false)
  assert.equal(hasSettled({ status: 'connecting', refusedUntil: 1 }), false)
  assert.equal(hasSettled({ status: 'connected' }), true)
})
