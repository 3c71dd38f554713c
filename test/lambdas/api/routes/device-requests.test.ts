import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { deviceId, serverId } from '../../../../core/ids.ts'
import { buryExited, drain } from '../../../../core/protocol/membership.ts'
import { evict } from '../../../../core/protocol/ownership.ts'
import {
  anActiveServer,
  anOwnedDevice,
  deviceRow,
  embeddedTables,
  newcomer,
  serverRow,
  type Tables,
} from '../../../builders/builders.ts'
import { interrupted } from '../../../builders/faulty-stores.ts'
import { anApi, apiOn, lambdaWorldOn } from '../../events.ts'

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables.close())

/** An API with one device that `server-1` owns. */
async function aMooredDevice() {
  const api = await anApi(tables)
  const server = await anActiveServer(api.world, 'server-1')
  await anOwnedDevice(api.world, server, 'shop-17')
  const row = () => deviceRow(api.world.store, deviceId('shop-17'))
  return { ...api, server, row }
}

test('stop writes the wish and tells the owner; the device stays with it until it lets go', async () => {
  const { world, call, row } = await aMooredDevice()
  const answer = await call('POST', '/devices/shop-17/stop')
  assert.deepEqual(
    [answer.status, answer.body.desired, answer.body.owner.serverId],
    [202, 'stopped', 'server-1'],
  )
  assert.deepEqual(world.rings, ['server-1'])
  assert.equal((await row()).owner, 'server-1')
})

test('stop ends the wait of a device without an owner', async () => {
  const { call } = await anApi(tables)
  await call('POST', '/devices', { body: { deviceId: 'shop-17' } })
  const { body } = await call('POST', '/devices/shop-17/stop')
  assert.deepEqual([body.desired, body.status], ['stopped', 'stopped'])
})

test('start gives a stopped device a server', async () => {
  const { world, call } = await anApi(tables)
  await call('POST', '/devices', { body: { deviceId: 'shop-17' } })
  await call('POST', '/devices/shop-17/stop')
  await anActiveServer(world, 'server-1')
  const { status, body } = await call('POST', '/devices/shop-17/start')
  assert.deepEqual([status, body.status, body.owner.serverId], [202, 'assigned', 'server-1'])
})

test('restart tells the owner', async () => {
  const { world, call, row } = await aMooredDevice()
  assert.equal((await call('POST', '/devices/shop-17/restart')).status, 202)
  assert.equal((await row()).restarts, 1)
  assert.deepEqual(world.rings, ['server-1'])
})

test('a stopped device cannot be restarted', async () => {
  const { call } = await aMooredDevice()
  await call('POST', '/devices/shop-17/stop')
  const { status, body } = await call('POST', '/devices/shop-17/restart')
  assert.deepEqual([status, body.code], [409, 'DEVICE_NOT_RUNNING'])
})

test('logout asks the owner to unlink the device', async () => {
  const { world, call, row } = await aMooredDevice()
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

test('reassign asks the owner to let go, for the server that was named', async () => {
  const { world, call, row } = await aMooredDevice()
  await anActiveServer(world, 'server-2')
  const { status, body } = await call('POST', '/devices/shop-17/reassign', { body: { serverId: 'server-2' } })
  assert.deepEqual([status, body.moveTo, body.owner.serverId], [202, 'server-2', 'server-1'])
  assert.equal((await row()).owner, 'server-1')
  assert.deepEqual(world.rings, ['server-1'])
  assert.equal(world.told('device.move_requested').length, 1)
})

test('reassign without a server lets placement choose', async () => {
  const { call } = await aMooredDevice()
  assert.equal((await call('POST', '/devices/shop-17/reassign')).body.moveTo, 'any')
})

test('reassign to the present owner changes nothing', async () => {
  const { world, call, row } = await aMooredDevice()
  const { status } = await call('POST', '/devices/shop-17/reassign', { body: { serverId: 'server-1' } })
  assert.deepEqual([status, (await row()).moveTo, world.rings], [200, undefined, []])
})

test('reassign places a device that has no owner at once', async () => {
  const { world, call } = await anApi(tables)
  await call('POST', '/devices', { body: { deviceId: 'shop-17' } })
  await anActiveServer(world, 'server-1')
  const { status, body } = await call('POST', '/devices/shop-17/reassign')
  assert.deepEqual([status, body.owner.serverId], [202, 'server-1'])
})

test('a device that loses its owner while it is asked to move is placed at once', async () => {
  const { world, row } = await aMooredDevice()
  await anActiveServer(world, 'server-2')
  await buryExited(world.store, await serverRow(world.store, 'server-1'), 'exit code 1')
  const evicting = interrupted(world.store, 'Devices', async (change) => {
    if (change.set?.moveTo) await evict(world.store, world.clock, deviceId('shop-17'), newcomer('server-1'))
  })
  const { status } = await apiOn(lambdaWorldOn(evicting)).call('POST', '/devices/shop-17/reassign')
  assert.deepEqual([status, (await row()).owner], [202, 'server-2'])
})

test('a device does not move to a server that drains', async () => {
  const { world, call } = await aMooredDevice()
  const other = await anActiveServer(world, 'server-2')
  await drain(world.store, other.serverId)
  const { status, body } = await call('POST', '/devices/shop-17/reassign', { body: { serverId: 'server-2' } })
  assert.deepEqual([status, body.code], [409, 'SERVER_NOT_ACTIVE'])
})

test('a device does not move to a server that is full', async () => {
  const { world, call } = await aMooredDevice()
  await anOwnedDevice(world, await anActiveServer(world, 'server-2', { capacity: 1 }), 'other')
  const { status, body } = await call('POST', '/devices/shop-17/reassign', { body: { serverId: 'server-2' } })
  assert.deepEqual([status, body.code], [409, 'SERVER_FULL'])
})

test('a stopped device does not move', async () => {
  const { call } = await aMooredDevice()
  await call('POST', '/devices/shop-17/stop')
  const { status, body } = await call('POST', '/devices/shop-17/reassign')
  assert.deepEqual([status, body.code], [409, 'DEVICE_NOT_RUNNING'])
})

for (const verb of ['start', 'stop', 'restart', 'logout', 'reassign']) {
  test(`${verb} is refused while the device is being deleted`, async () => {
    const { call } = await aMooredDevice()
    await call('DELETE', '/devices/shop-17')
    const { status, body } = await call('POST', `/devices/shop-17/${verb}`)
    assert.deepEqual([status, body.code], [409, 'DEVICE_BEING_DELETED'])
  })
}

for (const [verb, body] of [
  ['restart', {}],
  ['reassign', {}],
  ['pairing-code', { phoneNumber: '15550100123' }],
] as const) {
  test(`${verb} of a quarantined device is refused, with what to do first`, async () => {
    const { world, call } = await aMooredDevice()
    const gone = { serverId: serverId('server-1'), name: 'server-1' }
    const seen = { status: 'assigned' } as const
    const judged = { seen, suspicion: 6, quarantinedBecause: 'its servers died' }
    assert.ok(await evict(world.store, world.clock, deviceId('shop-17'), gone, judged))

    const { status, body: answer } = await call('POST', `/devices/shop-17/${verb}`, { body })

    assert.deepEqual([status, answer.code], [409, 'DEVICE_QUARANTINED'])
    assert.match(String(answer.message), /start it first/)
  })
}
