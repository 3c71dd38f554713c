import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { beat, bury } from '../../../../core/protocol/membership.ts'
import { release, report } from '../../../../core/protocol/ownership.ts'
import { stampSweep } from '../../../../core/telemetry/sweep-stamp.ts'
import {
  anActiveServer,
  aPermittedDevice,
  embeddedTables,
  serverRow,
  type Tables,
} from '../../../builders/builders.ts'
import { anApi } from '../../events.ts'

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables.close())

/** An API with one device that `server-1` is connecting; a sweep has just looked. */
async function aConnectingDevice() {
  const api = await anApi(tables)
  const { store, clock } = api.world
  const server = await anActiveServer(api.world, 'server-1', { name: 'web-1' })
  const standing = await aPermittedDevice(api.world, server, 'shop-17')
  await stampSweep(store, clock)
  const explanation = async () => (await api.call('GET', '/devices/shop-17')).body.explanation
  return { ...api, store, clock, server, standing, explanation }
}

test('a stopped device names the key that stopped it, and the time', async () => {
  const { call, store, clock, standing, explanation } = await aConnectingDevice()
  await call('POST', '/devices/shop-17/stop')
  const why = 'stopped with key abcdef0123456789 at 2030-01-01T00:00:00.000Z'
  assert.equal(await explanation(), `it is being stopped: ${why}; its server closes its socket`)
  await release(store, clock, { ...standing, status: 'stopped', statusReason: why })
  assert.equal(await explanation(), `it is stopped: ${why}; start it to connect it`)
})

test('a device that was logged out through the API names the key, and the time', async () => {
  const { call } = await anApi(tables)
  await call('POST', '/devices', { body: { deviceId: 'shop-17' } })
  await call('POST', '/devices/shop-17/logout')
  const { body } = await call('GET', '/devices/shop-17')
  assert.equal(
    body.explanation,
    'it is logged out: logged out with key abcdef0123456789 at 2030-01-01T00:00:00.000Z; start it to link it again',
  )
})

test('a device that backs off says until when, and then that it waits for its turn', async () => {
  const { call, store, clock, standing, server, explanation } = await aConnectingDevice()
  const retryAt = clock.wallMs() + 5000
  const statusReason = 'closed with 428 (Connection Closed)'
  await report(store, clock, standing, { set: { status: 'disconnected', statusReason, retryAt } })
  await beat(store, clock, server.serverId, 0, 12)
  assert.equal(
    await explanation(),
    `it has no socket: ${statusReason}; server "web-1" waits until 2030-01-01T00:00:05.000Z and then tries again`,
  )
  assert.equal((await call('GET', '/devices/shop-17')).body.retryAt, '2030-01-01T00:00:05.000Z')
  clock.advance(5000)
  assert.equal(
    await explanation(),
    `it has no socket: ${statusReason}; it waits for its turn at server "web-1" (12 connects wait there)`,
  )
})

test('a device whose server falls silent and is buried says so at each step', async () => {
  const { store, clock, server, standing, explanation } = await aConnectingDevice()
  await report(store, clock, standing, { set: { status: 'connected' } })
  assert.equal(await explanation(), undefined)
  clock.advance(9000)
  await stampSweep(store, clock)
  assert.equal(
    await explanation(),
    'its server "web-1" has been silent since 2030-01-01T00:00:00.000Z and has closed its sockets; either the ' +
      'server beats again and reconnects the device, or the sweep buries the server and moves the ' +
      'device to another one',
  )
  await bury(store, await serverRow(store, server.serverId))
  assert.equal(
    await explanation(),
    'its server "web-1" is gone (silent since beat 0); the next look of the sweep moves the device to another server',
  )
})

test('a device that waits says that no sweep runs', async () => {
  const { call, world } = await anApi(tables)
  await call('POST', '/devices', { body: { deviceId: 'shop-17' } })
  await anActiveServer(world, 'server-1')
  await stampSweep(world.store, world.clock)
  world.clock.advance(120_000)
  const { body } = await call('GET', '/devices/shop-17')
  assert.equal(
    body.explanation,
    'it waits for a server; the next look of the sweep gives it a server with room; but no sweep has looked since ' +
      '2030-01-01T00:00:00.000Z: is the sweep running?',
  )
})

test('a list of devices explains each by its row and the row of its server', async () => {
  const { call } = await aConnectingDevice()
  const { body } = await call('GET', '/devices')
  assert.equal(body.devices.length, 1)
  assert.equal(body.devices[0].deviceId, 'shop-17')
  assert.equal(body.devices[0].explanation, 'its server is connecting it')
})
