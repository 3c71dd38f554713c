import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { deviceId, serverId } from '../../../../core/ids.ts'
import { buryExited, drain } from '../../../../core/protocol/membership.ts'
import { evict } from '../../../../core/protocol/ownership.ts'
import {
  anActiveServer,
  anOwnedDevice,
  embeddedTables,
  newcomer,
  serverRow,
  type Tables,
} from '../../../builders/builders.ts'
import { interrupted } from '../../../builders/faulty-stores.ts'
import { anApi, apiOn, lambdaWorldOn } from '../../events.ts'
import { aDeviceOfServer1, aFleet } from './scenes.ts'

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables.close())

describe('POST /devices/{id}/reassign', () => {
  test('answers with an operation that can be read', async () => {
    const { call } = await aFleet(tables)

    const asked = await call('POST', '/devices/web-1-device-0/reassign', { body: { serverId: 'web-2' } })
    const { operationId } = asked.body.operation
    const { status, body } = await call('GET', `/operations/${operationId}`)

    assert.equal(asked.status, 202)
    assert.equal(asked.body.moveTo, 'web-2')
    assert.equal(status, 200)
    assert.deepEqual(body, {
      operationId,
      kind: 'reassign',
      state: 'running',
      why: 'its server "web-1" is asked to release it',
      askedBy: 'abcdef0123456789',
      startedAt: body.startedAt,
      deviceId: 'web-1-device-0',
      from: 'web-1',
      to: 'web-2',
    })
  })

  test('of a device without an owner prefers the named server', async () => {
    const { world, call } = await anApi(tables)
    await call('POST', '/devices', { body: { deviceId: 'shop-17' } })
    await anActiveServer(world, 'web-1', { capacity: 1000 })
    await anActiveServer(world, 'web-2', { capacity: 2 })

    const { status, body } = await call('POST', '/devices/shop-17/reassign', { body: { serverId: 'web-2' } })

    assert.equal(status, 202)
    assert.equal(body.owner.serverId, 'web-2')
    assert.equal(body.operation.why, 'it is on server "web-2", which connects it')
  })

  test('shows the present state also when no sweep has looked since', async () => {
    const { world, call } = await aFleet(tables)
    const { body } = await call('POST', '/devices/web-1-device-0/reassign', { body: { serverId: 'web-2' } })
    const arrived = { owner: serverId('web-2'), claimId: 'another', status: 'connected' } as const
    const key = { deviceId: deviceId('web-1-device-0') }
    await world.store.update('Devices', key, { set: arrived, remove: ['moveTo', 'moveId'], when: [] })

    const shown = await call('GET', `/operations/${body.operation.operationId}`)

    assert.equal(shown.body.state, 'done')
    assert.equal(shown.body.why, 'it is on server "web-2", connected')
  })
})

test('reassign asks the owner to release the device, for the given server', async () => {
  const { world, call, row } = await aDeviceOfServer1(tables)
  await anActiveServer(world, 'server-2')
  const { status, body } = await call('POST', '/devices/shop-17/reassign', { body: { serverId: 'server-2' } })
  assert.equal(status, 202)
  assert.equal(body.moveTo, 'server-2')
  assert.equal(body.owner.serverId, 'server-1')
  assert.equal((await row()).owner, 'server-1')
  assert.deepEqual(world.rings, ['server-1'])
  assert.equal(world.told('device.move_requested').length, 1)
})

test('reassign without a server lets placement choose', async () => {
  const { call } = await aDeviceOfServer1(tables)
  assert.equal((await call('POST', '/devices/shop-17/reassign')).body.moveTo, 'any')
})

test('reassign to the present owner changes nothing', async () => {
  const { world, call, row } = await aDeviceOfServer1(tables)
  const { status } = await call('POST', '/devices/shop-17/reassign', { body: { serverId: 'server-1' } })
  assert.equal(status, 200)
  assert.equal((await row()).moveTo, undefined)
  assert.deepEqual(world.rings, [])
})

test('reassign places a device that has no owner at once', async () => {
  const { world, call } = await anApi(tables)
  await call('POST', '/devices', { body: { deviceId: 'shop-17' } })
  await anActiveServer(world, 'server-1')
  const { status, body } = await call('POST', '/devices/shop-17/reassign')
  assert.equal(status, 202)
  assert.equal(body.owner.serverId, 'server-1')
})

test('a device that loses its owner while it is asked to move is placed at once', async () => {
  const { world, row } = await aDeviceOfServer1(tables)
  await anActiveServer(world, 'server-2')
  await buryExited(world.store, await serverRow(world.store, 'server-1'), 'exit code 1')
  const evicting = interrupted(world.store, 'Devices', async (change) => {
    if (change.set?.moveTo) await evict(world.store, world.clock, deviceId('shop-17'), newcomer('server-1'))
  })
  const { status } = await apiOn(lambdaWorldOn(evicting)).call('POST', '/devices/shop-17/reassign')
  assert.equal(status, 202)
  assert.equal((await row()).owner, 'server-2')
})

test('a device does not move to a server that drains', async () => {
  const { world, call } = await aDeviceOfServer1(tables)
  const other = await anActiveServer(world, 'server-2')
  await drain(world.store, other.serverId)
  const { status, body } = await call('POST', '/devices/shop-17/reassign', { body: { serverId: 'server-2' } })
  assert.equal(status, 409)
  assert.equal(body.code, 'SERVER_NOT_ACTIVE')
})

test('a device does not move to a server that is full', async () => {
  const { world, call } = await aDeviceOfServer1(tables)
  await anOwnedDevice(world, await anActiveServer(world, 'server-2', { capacity: 1 }), 'other')
  const { status, body } = await call('POST', '/devices/shop-17/reassign', { body: { serverId: 'server-2' } })
  assert.equal(status, 409)
  assert.equal(body.code, 'SERVER_FULL')
})

test('a stopped device does not move', async () => {
  const { call } = await aDeviceOfServer1(tables)
  await call('POST', '/devices/shop-17/stop')
  const { status, body } = await call('POST', '/devices/shop-17/reassign')
  assert.equal(status, 409)
  assert.equal(body.code, 'DEVICE_NOT_RUNNING')
})
