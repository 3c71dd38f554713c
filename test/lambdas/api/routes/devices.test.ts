import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { DeviceId } from '../../../../core/ids.ts'
import { permit, release } from '../../../../core/protocol/ownership.ts'
import { createAssignHandler } from '../../../../lambdas/assign.ts'
import {
  anActiveServer,
  anOwnedDevice,
  deviceRow,
  embeddedTables,
  serverRow,
  type Tables,
} from '../../../builders/builders.ts'
import { aContext, anApi } from '../../events.ts'

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables.close())

test('a registered device is assigned at once when a server has room', async () => {
  const { world, call } = await anApi(tables)
  await anActiveServer(world, 'server-1', { name: 'web-1' })
  const answer = await call('POST', '/devices', { body: { deviceId: 'shop-17', name: 'Shop 17' } })
  assert.equal(answer.status, 201)
  assert.equal(answer.body.status, 'assigned')
  assert.deepEqual(answer.body.owner, { serverId: 'server-1', name: 'web-1' })
  assert.deepEqual(world.rings, ['server-1'])
})

test('a registered device says that no server has room for it', async () => {
  const { world, call } = await anApi(tables)
  await anActiveServer(world, 'server-1', { capacity: 1 })
  await call('POST', '/devices', { body: { deviceId: 'first' } })
  const answer = await call('POST', '/devices', { body: { deviceId: 'second' } })
  assert.equal(answer.status, 201)
  assert.equal(answer.body.status, 'unassigned')
  assert.equal(answer.body.owner, undefined)
  assert.equal(
    answer.body.explanation,
    'no server has room: 1 active server holds 1 of 1 devices; it gets a server as soon as there is room',
  )
})

test('a device gets an id and a name when none is given', async () => {
  const { call } = await anApi(tables)
  const { body } = await call('POST', '/devices', { body: {} })
  assert.match(body.deviceId, /^[a-z0-9]{16}$/)
  assert.equal(body.name, body.deviceId)
})

test('registering again is harmless and answers with the device as it is', async () => {
  const { world, call } = await anApi(tables)
  await call('POST', '/devices', { body: { deviceId: 'shop-17', name: 'Shop 17' } })
  const before = await deviceRow(world.store, 'shop-17' as DeviceId)
  const again = await call('POST', '/devices', { body: { deviceId: 'shop-17', name: 'Shop 17' } })
  assert.equal(again.status, 200)
  assert.equal((await deviceRow(world.store, 'shop-17' as DeviceId)).credentialsId, before.credentialsId)
})

test('registering again places a device whose first registration ended halfway', async () => {
  const { world, call } = await anApi(tables)
  await call('POST', '/devices', { body: { deviceId: 'shop-17' } })
  await anActiveServer(world, 'server-1')
  const again = await call('POST', '/devices', { body: { deviceId: 'shop-17' } })
  assert.equal(again.status, 200)
  assert.equal(again.body.owner.serverId, 'server-1')
})

test('registering again under another name is refused', async () => {
  const { call } = await anApi(tables)
  await call('POST', '/devices', { body: { deviceId: 'shop-17', name: 'Shop 17' } })
  const other = await call('POST', '/devices', { body: { deviceId: 'shop-17', name: 'Shop 18' } })
  assert.equal(other.status, 409)
  assert.equal(other.body.code, 'DEVICE_NAME_DIFFERS')
})

test('a device without an owner is deleted at once', async () => {
  const { call } = await anApi(tables)
  await call('POST', '/devices', { body: { deviceId: 'shop-17' } })
  const deleted = await call('DELETE', '/devices/shop-17')
  assert.equal(deleted.status, 200)
  assert.deepEqual(deleted.body, { deviceId: 'shop-17', deleted: true })
  assert.equal((await call('GET', '/devices/shop-17')).status, 404)
})

test('a delete waits until the owner has released the device', async () => {
  const { world, call } = await anApi(tables)
  const server = await anActiveServer(world, 'server-1')
  const { deviceId } = await anOwnedDevice(world, server, 'shop-17')
  const { epoch } = await permit(world.store, world.clock, deviceId, server.serverId)
  const asked = await call('DELETE', '/devices/shop-17')
  assert.equal(asked.status, 202)
  assert.equal(asked.body.deleting, true)
  assert.equal(asked.body.owner.serverId, 'server-1')
  assert.equal((await call('DELETE', '/devices/shop-17')).status, 202)
  await release(world.store, world.clock, {
    device: deviceId,
    server: server.serverId,
    epoch,
    status: 'stopped',
  })
  await createAssignHandler(world)({ deviceIds: [deviceId] }, aContext())
  assert.equal((await call('GET', '/devices/shop-17')).status, 404)
})

test('the owner of a device to delete is told to look', async () => {
  const { world, call } = await anApi(tables)
  const server = await anActiveServer(world, 'server-1')
  await anOwnedDevice(world, server, 'shop-17')
  const before = await serverRow(world.store, server.serverId)
  await call('DELETE', '/devices/shop-17')
  assert.deepEqual(world.rings, ['server-1'])
  assert.equal((await serverRow(world.store, server.serverId)).assignmentSeq, before.assignmentSeq + 1)
})

test('a device that is being deleted cannot be registered again', async () => {
  const { world, call } = await anApi(tables)
  await anOwnedDevice(world, await anActiveServer(world, 'server-1'), 'shop-17')
  await call('DELETE', '/devices/shop-17')
  const again = await call('POST', '/devices', { body: { deviceId: 'shop-17' } })
  assert.equal(again.status, 409)
  assert.equal(again.body.code, 'DEVICE_BEING_DELETED')
})

test('a device never shows its credentials, its QR or its code', async () => {
  const { world, call } = await anApi(tables)
  const server = await anActiveServer(world, 'server-1')
  const { deviceId, credentialsId } = await anOwnedDevice(world, server, 'shop-17')
  const pairing = { qr: 'SECRET-QR', since: world.clock.wallMs(), expiresAt: world.clock.wallMs() + 20_000 }
  await world.store.update('Devices', { deviceId }, { set: { status: 'pairing', pairing }, when: [] })
  const { body, text } = await call('GET', '/devices/shop-17', { scope: 'read' })
  assert.equal(body.pairing.by, 'qr')
  assert.doesNotMatch(text, new RegExp(`SECRET-QR|${credentialsId}`))
})

test('the history names the keys that asked and the owners of the device, the newest first', async () => {
  const { world, call } = await anApi(tables)
  await anActiveServer(world, 'server-1', { name: 'web-1' })
  await call('POST', '/devices', { body: { deviceId: 'shop-17' } })
  world.clock.advance(1000)
  await call('POST', '/devices/shop-17/stop')
  const { body } = await call('GET', '/devices/shop-17/history')
  const events = body.history.map((entry: { event: string }) => entry.event)
  assert.equal(events[0], 'requested')
  assert.deepEqual(events.toSorted(), ['assigned', 'registered', 'requested'])
  assert.match(body.history[0].why, /stop, with key abcdef0123456789/)
})

test('the history is read page after page', async () => {
  const { world, call } = await anApi(tables)
  await call('POST', '/devices', { body: { deviceId: 'shop-17' } })
  world.clock.advance(1000)
  await call('POST', '/devices/shop-17/stop')
  const first = await call('GET', '/devices/shop-17/history?limit=1')
  const second = await call('GET', `/devices/shop-17/history?limit=1&cursor=${first.body.next}`)
  assert.equal(first.body.history[0].event, 'requested')
  assert.equal(second.body.history[0].event, 'registered')
})

test('phone numbers and accounts do not reach the log', async () => {
  const { world, call } = await anApi(tables)
  const { deviceId } = await anOwnedDevice(world, await anActiveServer(world, 'server-1'), 'shop-17')
  const account = { jid: '15550100123:3@s.whatsapp.net' }
  await world.store.update('Devices', { deviceId }, { set: { account }, when: [] })
  const shown = await call('POST', '/devices/shop-17/stop')
  assert.equal(shown.body.account.jid, account.jid)
  assert.doesNotMatch(JSON.stringify(world.emitted), /15550100123/)
})
