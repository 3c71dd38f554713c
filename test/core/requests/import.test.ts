import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Clock, systemClock } from '../../../core/clock.ts'
import { isMooringError } from '../../../core/errors.ts'
import { deviceId, epoch, serverId } from '../../../core/ids.ts'
import { claim, readDevice, register } from '../../../core/protocol/ownership.ts'
import { logout, requestDeletion, start, stop } from '../../../core/requests/device-requests.ts'
import { beginImport, deleteAbandonedCredentials, finishImport } from '../../../core/requests/import.ts'
import type { Store } from '../../../core/store/store.ts'
import { embeddedTables, type Tables } from '../../builders/builders.ts'
import { losingAnswers } from '../../builders/faulty-stores.ts'

const clock: Clock = systemClock
const ID = deviceId('shop-1')
const ACCOUNT = { jid: '15550100101:3@s.whatsapp.net' }
const FIRST = {
  device: ID,
  name: 'The shop',
  importId: 'i-1',
  credentialsId: 'c-1',
  batch: 'night-1',
  epoch: epoch(0),
}
const SECOND = { ...FIRST, importId: 'i-2', credentialsId: 'c-2' }

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables?.close())

const claimIt = (store: Store) =>
  claim(store, clock, {
    device: ID,
    server: { serverId: serverId('server-1'), name: 'server-1' },
    claimId: 'claim',
    keepHome: false,
    moved: false,
  })

describe('a device whose import has begun', () => {
  test('cannot be started, stopped, logged out or claimed, but can be deleted', async () => {
    const store = await tables.fresh()
    await beginImport(store, clock, FIRST)
    const isRefused = (error: unknown) => isMooringError(error, 'DEVICE_BEING_IMPORTED')

    await assert.rejects(start(store, clock, ID), isRefused)
    await assert.rejects(stop(store, clock, ID, 'test'), isRefused)
    await assert.rejects(logout(store, clock, ID, 'fresh'), isRefused)
    await assert.rejects(claimIt(store), (error) => isMooringError(error, 'NOT_WANTED'))
    assert.equal((await requestDeletion(store, clock, ID)).deleting, true)
  })

  test('is linked and waits for a server with the one write that ends the import', async () => {
    const store = await tables.fresh()
    await beginImport(store, clock, { ...FIRST, home: { name: 'web-1', since: 1 } })

    const finished = await finishImport(store, clock, { ...FIRST, account: ACCOUNT })

    const row = await readDevice(store, ID)
    assert.equal(finished, true)
    assert.equal(row.desired, 'running')
    assert.equal(row.status, 'unassigned')
    assert.equal(row.importing, undefined)
    assert.deepEqual(row.account, ACCOUNT)
    assert.equal(row.credentialsId, 'c-1')
    assert.equal(row.home?.name, 'web-1')
    assert.ok(row.pairedAt && row.unassignedShard)
    assert.equal((await claimIt(store)).owner, 'server-1')
  })

  test('is finished although the answer was lost', async () => {
    const store = await tables.fresh()
    await beginImport(store, clock, FIRST)

    assert.equal(await finishImport(losingAnswers(store), clock, { ...FIRST, account: ACCOUNT }), true)
  })

  test('is taken over by a second import, under other credentials; the first cannot finish any more', async () => {
    const store = await tables.fresh()
    await beginImport(store, clock, FIRST)

    const row = await beginImport(store, clock, SECOND)

    assert.equal(row?.credentialsId, 'c-2')
    assert.equal(await finishImport(store, clock, { ...FIRST, account: ACCOUNT }), false)
    assert.equal(await finishImport(store, clock, { ...SECOND, account: ACCOUNT }), true)
  })

  test('is not finished once it is being deleted', async () => {
    const store = await tables.fresh()
    await beginImport(store, clock, FIRST)
    await requestDeletion(store, clock, ID)

    assert.equal(await finishImport(store, clock, { ...FIRST, account: ACCOUNT }), false)
  })
})

describe('an import does not begin', () => {
  test('for a device that is linked', async () => {
    const store = await tables.fresh()
    await beginImport(store, clock, FIRST)
    await finishImport(store, clock, { ...FIRST, account: ACCOUNT, stoppedBecause: 'test' })

    assert.equal(await beginImport(store, clock, SECOND), undefined)
    assert.equal((await readDevice(store, ID)).credentialsId, 'c-1')
  })

  test('for a device that is wanted running; once it is stopped, the import begins', async () => {
    const store = await tables.fresh()
    await register(store, clock, { deviceId: ID, name: 'The shop', credentialsId: 'c-0' })

    assert.equal(await beginImport(store, clock, FIRST), undefined)
    await stop(store, clock, ID, 'for its import')
    assert.equal((await beginImport(store, clock, FIRST))?.importing, 'i-1')
  })

  test('for a device that has an owner', async () => {
    const store = await tables.fresh()
    await register(store, clock, { deviceId: ID, name: 'The shop', credentialsId: 'c-0' })
    await claimIt(store)
    await stop(store, clock, ID, 'test')

    assert.equal(await beginImport(store, clock, FIRST), undefined)
  })
})

test('the credentials of an abandoned import are deleted, and no others', async () => {
  const store = await tables.fresh()
  await beginImport(store, clock, FIRST)
  for (const key of ['c-1/creds', 'c-1/session/1.0', 'c-10/creds', 'c-2/creds']) {
    await store.put('AuthState', { deviceId: ID, key, epoch: 0 as never, value: 'v' })
  }
  const row = await beginImport(store, clock, SECOND)
  assert.ok(row)

  await deleteAbandonedCredentials(store, row)

  const { rows } = await store.query('AuthState', { partition: ID })
  assert.deepEqual(
    rows.map(({ key }) => key),
    ['c-10/creds', 'c-2/creds'],
  )
})

test('every abandoned import is remembered until a later one has finished', async () => {
  const store = await tables.fresh()
  await beginImport(store, clock, FIRST)
  await store.put('AuthState', { deviceId: ID, key: 'c-1/creds', epoch: 0 as never, value: 'v' })
  await beginImport(store, clock, SECOND)
  await store.put('AuthState', { deviceId: ID, key: 'c-2/creds', epoch: 0 as never, value: 'v' })
  const third = { ...FIRST, importId: 'i-3', credentialsId: 'c-3' }

  const row = await beginImport(losingAnswers(store), clock, third)
  assert.ok(row)
  await deleteAbandonedCredentials(store, row)
  await finishImport(store, clock, { ...third, account: ACCOUNT })

  assert.deepEqual((await store.query('AuthState', { partition: ID })).rows, [])
  assert.equal((await readDevice(store, ID)).abandonedCredentialsIds, undefined)
})
