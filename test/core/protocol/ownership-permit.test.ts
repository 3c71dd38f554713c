import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { epoch } from '../../../core/ids.ts'
import { reserve } from '../../../core/protocol/membership.ts'
import { claim, evict, permit, release, report } from '../../../core/protocol/ownership.ts'
import { logout, requestDeletion, requestMove, start, stop } from '../../../core/requests/device-requests.ts'
import {
  aClaim,
  aDevice,
  anActiveServer,
  anOwnedDevice,
  aPermittedDevice,
  deviceRow,
} from '../../builders/builders.ts'
import { losingAnswers } from '../../builders/faulty-stores.ts'
import { fresh } from '../../builders/fresh.ts'

const t = fresh()

describe('permit', () => {
  test('raises the epoch by exactly one each time', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const { deviceId } = await anOwnedDevice(t, web1)

    const first = await permit(t.store, t.clock, deviceId, web1.serverId)
    const second = await permit(t.store, t.clock, deviceId, web1.serverId)
    const third = await permit(t.store, t.clock, deviceId, web1.serverId)

    assert.equal(first.epoch, 1)
    assert.equal(second.epoch, 2)
    assert.equal(third.epoch, 3)
    assert.equal(third.row.status, 'connecting')
  })

  test('goes on from the epoch of the owner before', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const web2 = await anActiveServer(t, 'web-2')
    const held = await aPermittedDevice(t, web1)
    await release(t.store, t.clock, { ...held, status: 'unassigned' })
    await claim(t.store, t.clock, aClaim(held.device, web2))

    const next = await permit(t.store, t.clock, held.device, web2.serverId)

    assert.ok(next.epoch > held.epoch)
  })

  test('is refused to a server that does not own the device, and the epoch stays', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const web2 = await anActiveServer(t, 'web-2')
    const { deviceId } = await anOwnedDevice(t, web1)

    await assert.rejects(permit(t.store, t.clock, deviceId, web2.serverId), {
      code: 'NOT_OWNER',
      message: 'device "device-1" is owned by server "web-1"',
    })
    assert.equal((await deviceRow(t.store, deviceId)).epoch, 0)
  })

  describe('of a device that WhatsApp refuses for a while', () => {
    const WAIT_MS = 3_600_000
    const refusal = { code: 402, why: 'banned' }

    async function aRefusedDevice() {
      const web1 = await anActiveServer(t, 'web-1')
      const held = await aPermittedDevice(t, web1)
      const refusedUntil = t.clock.wallMs() + WAIT_MS
      await report(t.store, t.clock, held, { set: { status: 'disconnected', refusedUntil, refusal } })
      return { ...held, refusedUntil }
    }

    test('is refused until that time has come, and then removes it from the row', async () => {
      const { device, server, epoch: before } = await aRefusedDevice()
      t.clock.advance(WAIT_MS - 1)
      await assert.rejects(permit(t.store, t.clock, device, server), {
        code: 'LOGIN_REFUSED',
        message: 'device "device-1" may not log in yet: banned',
      })
      assert.equal((await deviceRow(t.store, device)).epoch, before)
      t.clock.advance(1)
      const { row } = await permit(t.store, t.clock, device, server)
      assert.equal(row.refusedUntil, undefined)
      assert.equal(row.refusal, undefined)
    })

    test('is also refused to the next owner, after a release as after an eviction', async () => {
      const held = await aRefusedDevice()
      const web2 = await anActiveServer(t, 'web-2')
      await release(t.store, t.clock, { ...held, status: 'unassigned' })
      await claim(t.store, t.clock, aClaim(held.device, web2))
      await assert.rejects(permit(t.store, t.clock, held.device, web2.serverId), { code: 'LOGIN_REFUSED' })

      const web3 = await anActiveServer(t, 'web-3')
      await evict(t.store, t.clock, held.device, web2)
      await claim(t.store, t.clock, aClaim(held.device, web3))
      await assert.rejects(permit(t.store, t.clock, held.device, web3.serverId), { code: 'LOGIN_REFUSED' })
    })

    test('is given when the server says that this very time does not hold for it, and for no other time', async () => {
      const { device, server, refusedUntil } = await aRefusedDevice()
      await assert.rejects(permit(t.store, t.clock, device, server, 0, refusedUntil - 1), {
        code: 'LOGIN_REFUSED',
      })
      await permit(t.store, t.clock, device, server, 0, refusedUntil)
    })

    test('is given after an operator has started the device, owned or not', async () => {
      const held = await aRefusedDevice()
      await start(t.store, t.clock, held.device)
      await permit(t.store, t.clock, held.device, held.server)

      const { epoch: now } = await deviceRow(t.store, held.device)
      const socket = { ...held, epoch: now }
      await report(t.store, t.clock, socket, { set: { refusedUntil: held.refusedUntil, refusal } })
      await release(t.store, t.clock, { ...socket, status: 'unassigned' })
      const row = await start(t.store, t.clock, held.device)
      assert.equal(row.refusedUntil, undefined)
      assert.equal(row.refusal, undefined)
    })

    test('is refused as NOT_WANTED when the device was asked to move or stopped meanwhile', async () => {
      const { device, server } = await aRefusedDevice()
      await requestMove(t.store, t.clock, { device, from: server, to: 'any', why: 'a test' })
      await assert.rejects(permit(t.store, t.clock, device, server), { code: 'NOT_WANTED' })
      await stop(t.store, t.clock, device, 'by the operator')
      await assert.rejects(permit(t.store, t.clock, device, server), { code: 'NOT_WANTED' })
    })
  })

  test('is refused for a device without an owner', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const id = await aDevice(t)

    await assert.rejects(permit(t.store, t.clock, id, web1.serverId), { code: 'NOT_OWNER' })
  })

  test('is refused for a deleted device and does not bring it back', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const { deviceId } = await anOwnedDevice(t, web1)
    await t.store.remove('Devices', { deviceId })

    await assert.rejects(permit(t.store, t.clock, deviceId, web1.serverId), { code: 'NOT_OWNER' })
    assert.equal(await t.store.get('Devices', { deviceId }), undefined)
  })

  test('is refused to the owner of a device that was asked to stop', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const { deviceId } = await anOwnedDevice(t, web1)
    await stop(t.store, t.clock, deviceId, 'by the operator')

    await assert.rejects(permit(t.store, t.clock, deviceId, web1.serverId), { code: 'NOT_WANTED' })
  })

  test('is refused to the owner of a device that was asked to be deleted or logged out', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const deleted = await anOwnedDevice(t, web1, 'deleted')
    const loggedOut = await anOwnedDevice(t, web1, 'logged-out')
    await requestDeletion(t.store, t.clock, deleted.deviceId)
    await logout(t.store, t.clock, loggedOut.deviceId, 'fresh-creds')

    await assert.rejects(permit(t.store, t.clock, deleted.deviceId, web1.serverId), { code: 'NOT_WANTED' })
    await assert.rejects(permit(t.store, t.clock, loggedOut.deviceId, web1.serverId), { code: 'NOT_WANTED' })
  })

  test('is refused to the owner of a device that was asked to move', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const { deviceId } = await anOwnedDevice(t, web1)
    await requestMove(t.store, t.clock, { device: deviceId, from: web1.serverId, to: 'any', why: 'a test' })

    await assert.rejects(permit(t.store, t.clock, deviceId, web1.serverId), { code: 'NOT_WANTED' })
  })

  test('that is repeated after a lost answer costs one more epoch and nothing else', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const { deviceId } = await anOwnedDevice(t, web1)

    const permitted = await permit(losingAnswers(t.store), t.clock, deviceId, web1.serverId)

    assert.equal(permitted.epoch, 2)
    assert.equal((await deviceRow(t.store, deviceId)).epoch, 2)
  })
})

test('no permit is granted after a stop was written, though both are asked for at the same time', async () => {
  const web1 = await anActiveServer(t, 'web-1')
  await reserve(t.store, web1, 20)
  const held = await aPermittedDevice(t, web1)

  await Promise.allSettled([
    permit(t.store, t.clock, held.device, web1.serverId),
    stop(t.store, t.clock, held.device, 'by the operator'),
    permit(t.store, t.clock, held.device, web1.serverId),
  ])

  await assert.rejects(permit(t.store, t.clock, held.device, web1.serverId), { code: 'NOT_WANTED' })
  assert.ok((await deviceRow(t.store, held.device)).epoch <= epoch(3))
})
