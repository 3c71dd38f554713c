import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { claim, evict, permit, release, report } from '../../../core/protocol/ownership.ts'
import { requestPairingCode, start } from '../../../core/requests/device-requests.ts'
import type { Store } from '../../../core/store/store.ts'
import {
  aClaim,
  anActiveServer,
  anOwnedDevice,
  aPermittedDevice,
  deviceRow,
  serverRow,
} from '../../builders/builders.ts'
import { losingAnswers } from '../../builders/faulty-stores.ts'
import { fresh } from '../../builders/fresh.ts'

const t = fresh()

describe('report', () => {
  test('writes what the server knows under the present epoch', async () => {
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

  test('of a server that lost the device is refused, though its epoch is still the last one', async () => {
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
  test('removes the owner, lists the device as waiting, and gives its room back', async () => {
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

  test('ends its epoch: later writes under it are refused, even when the server owns the device again', async () => {
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

  test('by a server that has lost the device to an eviction leaves the new owner alone', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const web2 = await anActiveServer(t, 'web-2')
    const lost = await aPermittedDevice(t, web1)
    await evict(t.store, t.clock, lost.device, web1)
    await claim(t.store, t.clock, aClaim(lost.device, web2))

    assert.equal(await release(t.store, t.clock, { ...lost, status: 'unassigned' }), false)
    assert.equal((await deviceRow(t.store, lost.device)).owner, 'web-2')
  })

  test('of a device moved on purpose removes its home', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const first = await aPermittedDevice(t, web1)
    await release(t.store, t.clock, { ...first, status: 'unassigned', homeName: 'web-1' })
    await claim(t.store, t.clock, aClaim(first.device, web1, { keepHome: true }))
    const second = { ...first, ...(await permit(t.store, t.clock, first.device, web1.serverId)) }

    await release(t.store, t.clock, { ...second, status: 'unassigned' })

    assert.equal((await deviceRow(t.store, first.device)).home, undefined)
  })

  test('after conflicts stops the device and keeps the credentials', async () => {
    const held = await aPermittedDevice(t, await anActiveServer(t, 'web-1'))

    await release(t.store, t.clock, { ...held, status: 'conflicted', noLongerWanted: true })

    const row = await deviceRow(t.store, held.device)
    assert.equal(row.desired, 'stopped')
    assert.equal(row.status, 'conflicted')
    assert.equal(row.credentialsId, 'device-1-creds')
  })

  test('after a logout gives a new credentialsId, and the device can be paired again', async () => {
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
      phoneNumber: '15550100101',
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
    // Until the sweep has counted, the load may be one too high, but never one too low.
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
