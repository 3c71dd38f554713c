import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { epoch } from '../../../core/ids.ts'
import { reserve } from '../../../core/protocol/membership.ts'
import { claim, evict, permit, release, report } from '../../../core/protocol/ownership.ts'
import {
  logout,
  requestDeletion,
  requestMove,
  requestPairingCode,
  start,
  stop,
} from '../../../core/requests/device-requests.ts'
import type { Store } from '../../../core/store/store.ts'
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

describe('permit', () => {
  test('raises the epoch by exactly one each time', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const { deviceId } = await anOwnedDevice(t, web1)

    const first = await permit(t.store, t.clock, deviceId, web1.serverId)
    const second = await permit(t.store, t.clock, deviceId, web1.serverId)
    const third = await permit(t.store, t.clock, deviceId, web1.serverId)

    assert.deepEqual([first.epoch, second.epoch, third.epoch], [1, 2, 3])
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
      message: 'device device-1 is owned by web-1',
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

    test('is refused until that is over, and takes it from the row then', async () => {
      const { device, server, epoch: before } = await aRefusedDevice()
      t.clock.advance(WAIT_MS - 1)
      await assert.rejects(permit(t.store, t.clock, device, server), {
        code: 'LOGIN_REFUSED',
        message: 'device device-1 may not log in yet: banned',
      })
      assert.equal((await deviceRow(t.store, device)).epoch, before)
      t.clock.advance(1)
      const { row } = await permit(t.store, t.clock, device, server)
      assert.deepEqual([row.refusedUntil, row.refusal], [undefined, undefined])
    })

    test('is refused to the next owner, too: after a release, and after an eviction', async () => {
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

    test('is given to a server for which that very time does not hold, and for no other', async () => {
      const { device, server, refusedUntil } = await aRefusedDevice()
      await assert.rejects(permit(t.store, t.clock, device, server, 0, refusedUntil - 1), {
        code: 'LOGIN_REFUSED',
      })
      await permit(t.store, t.clock, device, server, 0, refusedUntil)
    })

    test('is given when an operator starts the device, owned or not', async () => {
      const held = await aRefusedDevice()
      await start(t.store, t.clock, held.device)
      await permit(t.store, t.clock, held.device, held.server)

      const { epoch: now } = await deviceRow(t.store, held.device)
      const standing = { ...held, epoch: now }
      await report(t.store, t.clock, standing, { set: { refusedUntil: held.refusedUntil, refusal } })
      await release(t.store, t.clock, { ...standing, status: 'unassigned' })
      const row = await start(t.store, t.clock, held.device)
      assert.deepEqual([row.refusedUntil, row.refusal], [undefined, undefined])
    })

    test('is refused as to any other server when the device was moved or stopped meanwhile', async () => {
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

  test('is refused to the owner of a device that shall stop', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const { deviceId } = await anOwnedDevice(t, web1)
    await stop(t.store, t.clock, deviceId, 'by the operator')

    await assert.rejects(permit(t.store, t.clock, deviceId, web1.serverId), { code: 'NOT_WANTED' })
  })

  test('is refused to the owner of a device that shall be deleted or logged out', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const deleted = await anOwnedDevice(t, web1, 'deleted')
    const loggedOut = await anOwnedDevice(t, web1, 'logged-out')
    await requestDeletion(t.store, t.clock, deleted.deviceId)
    await logout(t.store, t.clock, loggedOut.deviceId, 'fresh-creds')

    await assert.rejects(permit(t.store, t.clock, deleted.deviceId, web1.serverId), { code: 'NOT_WANTED' })
    await assert.rejects(permit(t.store, t.clock, loggedOut.deviceId, web1.serverId), { code: 'NOT_WANTED' })
  })

  test('is refused to the owner of a device that shall move', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const { deviceId } = await anOwnedDevice(t, web1)
    await requestMove(t.store, t.clock, { device: deviceId, from: web1.serverId, to: 'any', why: 'a test' })

    await assert.rejects(permit(t.store, t.clock, deviceId, web1.serverId), { code: 'NOT_WANTED' })
  })

  test('twice for a lost answer costs an epoch and nothing else', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const { deviceId } = await anOwnedDevice(t, web1)

    const permitted = await permit(losingAnswers(t.store), t.clock, deviceId, web1.serverId)

    assert.equal(permitted.epoch, 2)
    assert.equal((await deviceRow(t.store, deviceId)).epoch, 2)
  })
})

describe('report', () => {
  test('writes what the socket of the present epoch says', async () => {
    const held = await aPermittedDevice(t, await anActiveServer(t, 'web-1'))

    const row = await report(t.store, t.clock, held, { set: { status: 'connected', connectedAt: 5 } })

    assert.equal(row.status, 'connected')
    assert.deepEqual(await deviceRow(t.store, held.device), row)
  })

  test('of an older socket is refused', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const older = await aPermittedDevice(t, web1)
    await permit(t.store, t.clock, older.device, web1.serverId)

    await assert.rejects(report(t.store, t.clock, older, { set: { status: 'connected' } }), {
      code: 'NOT_OWNER',
    })
    assert.equal((await deviceRow(t.store, older.device)).status, 'connecting')
  })

  test('of a server that lost the device is refused, though the epoch is still its own', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const web2 = await anActiveServer(t, 'web-2')
    const lost = await aPermittedDevice(t, web1)
    await evict(t.store, t.clock, lost.device, web1)
    await claim(t.store, t.clock, aClaim(lost.device, web2))

    await assert.rejects(report(t.store, t.clock, lost, { set: { status: 'connected' } }), {
      code: 'NOT_OWNER',
    })
    assert.equal((await deviceRow(t.store, lost.device)).status, 'assigned')
  })
})

describe('release', () => {
  test('lets the device go, lists it as waiting, and gives its room back', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const held = await aPermittedDevice(t, web1)

    const released = await release(t.store, t.clock, { ...held, status: 'unassigned', homeName: 'web-1' })

    const row = await deviceRow(t.store, held.device)
    assert.equal(released, true)
    assert.equal(row.owner, undefined)
    assert.ok(row.unassignedShard)
    assert.equal(row.home?.name, 'web-1')
    assert.equal((await serverRow(t.store, 'web-1')).load, 0)
  })

  test('under an older epoch is refused, and the load stays', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const older = await aPermittedDevice(t, web1)
    await permit(t.store, t.clock, older.device, web1.serverId)

    assert.equal(await release(t.store, t.clock, { ...older, status: 'unassigned' }), false)
    assert.equal((await deviceRow(t.store, older.device)).owner, 'web-1')
    assert.equal((await serverRow(t.store, 'web-1')).load, 1)
  })

  test('ends its epoch: what is still on its way under it is refused, even when the same server owns it again', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const held = await aPermittedDevice(t, web1)
    await release(t.store, t.clock, { ...held, status: 'unassigned' })
    await claim(t.store, t.clock, aClaim(held.device, web1))

    await assert.rejects(report(t.store, t.clock, held, { set: { status: 'connected' } }), {
      code: 'NOT_OWNER',
    })
    assert.equal(await release(t.store, t.clock, { ...held, status: 'stopped', noLongerWanted: true }), false)
    assert.equal((await deviceRow(t.store, held.device)).desired, 'running')
  })

  test('by a server that was evicted meanwhile leaves the new owner alone', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const web2 = await anActiveServer(t, 'web-2')
    const lost = await aPermittedDevice(t, web1)
    await evict(t.store, t.clock, lost.device, web1)
    await claim(t.store, t.clock, aClaim(lost.device, web2))

    assert.equal(await release(t.store, t.clock, { ...lost, status: 'unassigned' }), false)
    assert.equal((await deviceRow(t.store, lost.device)).owner, 'web-2')
  })

  test('of a device moved on purpose forgets its home', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const first = await aPermittedDevice(t, web1)
    await release(t.store, t.clock, { ...first, status: 'unassigned', homeName: 'web-1' })
    await claim(t.store, t.clock, aClaim(first.device, web1, { keepHome: true }))
    const second = { ...first, ...(await permit(t.store, t.clock, first.device, web1.serverId)) }

    await release(t.store, t.clock, { ...second, status: 'unassigned' })

    assert.equal((await deviceRow(t.store, first.device)).home, undefined)
  })

  test('after conflicts ends the operator’s wish and keeps the credentials', async () => {
    const held = await aPermittedDevice(t, await anActiveServer(t, 'web-1'))

    await release(t.store, t.clock, { ...held, status: 'conflicted', noLongerWanted: true })

    const row = await deviceRow(t.store, held.device)
    assert.equal(row.desired, 'stopped')
    assert.equal(row.status, 'conflicted')
    assert.equal(row.credentialsId, 'device-1-creds')
  })

  test('after a logout names fresh credentials, and the device can be paired anew', async () => {
    const held = await aPermittedDevice(t, await anActiveServer(t, 'web-1'))
    await report(t.store, t.clock, held, { set: { pairedAt: 5, account: { jid: '49@s.whatsapp.net' } } })

    await release(t.store, t.clock, {
      ...held,
      status: 'logged_out',
      noLongerWanted: true,
      freshCredentialsId: 'fresh',
    })
    await start(t.store, t.clock, held.device)

    const row = await requestPairingCode(t.store, t.clock, held.device, {
      phoneNumber: '15550100',
      requestId: 'r',
    })
    assert.equal(row.credentialsId, 'fresh')
    assert.equal(row.account, undefined)
  })

  test('gives the room back once, though its answer was lost', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const held = await aPermittedDevice(t, web1)
    await anOwnedDevice(t, web1, 'device-2')

    await release(losingAnswersOfDevices(), t.clock, { ...held, status: 'unassigned' })

    assert.equal((await deviceRow(t.store, held.device)).owner, undefined)
    // One too many until the sweep has counted, never one too few.
    assert.equal((await serverRow(t.store, 'web-1')).load, 2)
  })

  function losingAnswersOfDevices(): Store {
    const lossy = losingAnswers(t.store)
    return {
      ...t.store,
      update: (table, ...rest) => (table === 'Devices' ? lossy : t.store).update(table, ...rest),
    }
  }
})

test('of a permit and a stop at the same time, no permit is granted after the stop was written', async () => {
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
