import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { deviceId, serverId } from '../../../../core/ids.ts'
import { evict } from '../../../../core/protocol/ownership.ts'
import { anActiveServer, deviceRow, embeddedTables, type Tables } from '../../../builders/builders.ts'
import { anApi } from '../../events.ts'
import { aDeviceOfServer1 } from './scenes.ts'

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables.close())

test('stop writes the request and tells the owner; the device stays with its owner until it is released', async () => {
  const { world, call, row } = await aDeviceOfServer1(tables)
  const answer = await call('POST', '/devices/shop-17/stop')
  assert.equal(answer.status, 202)
  assert.equal(answer.body.desired, 'stopped')
  assert.equal(answer.body.owner.serverId, 'server-1')
  assert.deepEqual(world.rings, ['server-1'])
  assert.equal((await row()).owner, 'server-1')
})

test('stop ends the wait of a device without an owner', async () => {
  const { call } = await anApi(tables)
  await call('POST', '/devices', { body: { deviceId: 'shop-17' } })
  const { body } = await call('POST', '/devices/shop-17/stop')
  assert.equal(body.desired, 'stopped')
  assert.equal(body.status, 'stopped')
})

test('start gives a stopped device a server', async () => {
  const { world, call } = await anApi(tables)
  await call('POST', '/devices', { body: { deviceId: 'shop-17' } })
  await call('POST', '/devices/shop-17/stop')
  await anActiveServer(world, 'server-1')
  const { status, body } = await call('POST', '/devices/shop-17/start')
  assert.equal(status, 202)
  assert.equal(body.status, 'assigned')
  assert.equal(body.owner.serverId, 'server-1')
})

test('restart tells the owner', async () => {
  const { world, call, row } = await aDeviceOfServer1(tables)
  assert.equal((await call('POST', '/devices/shop-17/restart')).status, 202)
  assert.equal((await row()).restarts, 1)
  assert.deepEqual(world.rings, ['server-1'])
})

test('a stopped device cannot be restarted', async () => {
  const { call } = await aDeviceOfServer1(tables)
  await call('POST', '/devices/shop-17/stop')
  const { status, body } = await call('POST', '/devices/shop-17/restart')
  assert.equal(status, 409)
  assert.equal(body.code, 'DEVICE_NOT_RUNNING')
})

test('logout asks the owner to unlink the device', async () => {
  const { world, call, row } = await aDeviceOfServer1(tables)
  assert.equal((await call('POST', '/devices/shop-17/logout')).status, 202)
  assert.equal((await row()).logout, true)
  assert.deepEqual(world.rings, ['server-1'])
})

test('logout of a device without an owner gives it fresh credentials', async () => {
  const { world, call } = await anApi(tables)
  await call('POST', '/devices', { body: { deviceId: 'shop-17' } })
  const { credentialsId } = await deviceRow(world.store, deviceId('shop-17'))
  const { body } = await call('POST', '/devices/shop-17/logout')
  assert.equal(body.status, 'logged_out')
  assert.notEqual((await deviceRow(world.store, deviceId('shop-17'))).credentialsId, credentialsId)
})

for (const verb of ['start', 'stop', 'restart', 'logout', 'reassign']) {
  test(`${verb} is refused while the device is being deleted`, async () => {
    const { call } = await aDeviceOfServer1(tables)
    await call('DELETE', '/devices/shop-17')
    const { status, body } = await call('POST', `/devices/shop-17/${verb}`)
    assert.equal(status, 409)
    assert.equal(body.code, 'DEVICE_BEING_DELETED')
  })
}

for (const [verb, body] of [
  ['restart', {}],
  ['reassign', {}],
  ['pairing-code', { phoneNumber: '15550100123' }],
] as const) {
  test(`${verb} of a quarantined device is refused, with what to do first`, async () => {
    const { world, call } = await aDeviceOfServer1(tables)
    const gone = { serverId: serverId('server-1'), name: 'server-1' }
    const seen = { status: 'assigned' } as const
    const judged = { seen, suspicion: 6, quarantinedBecause: 'its servers died' }
    assert.ok(await evict(world.store, world.clock, deviceId('shop-17'), gone, judged))

    const { status, body: answer } = await call('POST', `/devices/shop-17/${verb}`, { body })

    assert.equal(status, 409)
    assert.equal(answer.code, 'DEVICE_QUARANTINED')
    assert.match(String(answer.message), /start it first/)
  })
}
