import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { systemClock } from '../../../core/clock.ts'
import { serverId } from '../../../core/ids.ts'
import { bury, reserve } from '../../../core/protocol/membership.ts'
import { claim } from '../../../core/protocol/ownership.ts'
import { runServer } from '../../../hosts/server/server.ts'
import type { HostWorld } from '../../../hosts/world.ts'
import {
  aClaim,
  aDevice,
  anOwnedDevice,
  aWorld,
  deviceRow,
  embeddedTables,
  serverRow,
  type Tables,
  type TestWorld,
} from '../../builders/builders.ts'
import { eventually } from '../device/connection-scene.ts'
import { aHostWorld } from '../host-world.ts'

const ACCOUNT = { jid: '15550100:1@s.whatsapp.net' }

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables.close())

function start(context: TestContext, base: TestWorld, parts: Partial<HostWorld> = {}, id = 'server-1-run') {
  const { world, sockets, placed } = aHostWorld({ ...base, clock: systemClock }, parts)
  const server = runServer(world, {
    serverId: serverId(id),
    name: 'server-1',
    url: `http://${id}.test:8080`,
    capacity: 10,
    connectsPerSecond: 100,
    backoff: { baseMs: 100, capMs: 1000 },
  })
  context.after(async () => {
    server.leave()
    await server.ended
  })
  return { server, sockets, placed }
}

/** A server that has joined a fleet of its own. */
async function aServer(context: TestContext, parts: Partial<HostWorld> = {}) {
  const base = await aWorld(tables)
  const started = start(context, base, parts)
  const { server } = started
  await eventually(async () => (base.told('server.joined').length > 0 ? true : undefined))
  return {
    ...started,
    base,
    row: () => serverRow(base.store, server.serverId),
    /** Gives the server a device, as the control plane does, and opens its socket. */
    async giveDevice() {
      const deviceId = await aDevice(base)
      await reserve(base.store, await serverRow(base.store, server.serverId), 1)
      await claim(base.store, systemClock, aClaim(deviceId, { serverId: server.serverId, name: 'server-1' }))
      server.ring()
      const socket = await eventually(async () => started.sockets.at(-1))
      socket.events.open(ACCOUNT)
      await eventually(async () =>
        (await deviceRow(base.store, deviceId)).status === 'connected' ? true : undefined,
      )
      return { deviceId, socket }
    },
  }
}

test('a server that has joined is active and healthy, and holds nothing', async (context) => {
  const { server, row } = await aServer(context)
  assert.equal((await row()).state, 'active')
  assert.deepEqual(server.health(), {
    serverId: server.serverId,
    leaseValid: true,
    devices: 0,
    connected: 0,
    leaving: false,
  })
})

test('a device that the doorbell rings for is connected at once', async (context) => {
  const { server, giveDevice } = await aServer(context)
  await giveDevice()
  const { devices, connected } = server.health()
  assert.equal(devices, 1)
  assert.equal(connected, 1)
})

test('a server that leaves closes its sockets, releases its devices, and is stopped', async (context) => {
  const { server, base, row, placed, giveDevice } = await aServer(context)
  const { deviceId, socket } = await giveDevice()
  server.leave()
  assert.equal(server.health().leaving, true)
  assert.deepEqual(await server.ended, { why: 'left' })
  assert.deepEqual(socket.asked, ['close'])
  assert.equal((await deviceRow(base.store, deviceId)).owner, undefined)
  assert.deepEqual(placed, [deviceId])
  assert.equal((await row()).state, 'stopped')
  assert.equal(server.health().leaseValid, false)
})

test('a server that was buried cuts its sockets at its next beat, and writes nothing more', async (context) => {
  const { server, base, row, giveDevice } = await aServer(context)
  const { socket } = await giveDevice()
  await eventually(async () => ((await bury(base.store, await row())) ? true : undefined))
  assert.deepEqual(await server.ended, { why: 'buried' })
  assert.deepEqual([...new Set(socket.asked)], ['cut'])
  assert.equal((await row()).state, 'dead')
  assert.equal(base.told('server.beat_refused').length, 1)
})

test('a server is refused when another server that beats holds its name', async (context) => {
  const { base } = await aServer(context)
  const { server } = start(context, base, {}, 'another-run')
  const end = await server.ended
  assert.ok(end.why === 'refused')
  assert.equal(end.error.code, 'SERVER_NAME_TAKEN')
})

test('a drained server that is wanted gone leaves by itself', async (context) => {
  const { server, base } = await aServer(context)
  await base.store.update(
    'Servers',
    { serverId: server.serverId },
    { set: { state: 'draining', thenLeave: true }, when: [] },
  )
  assert.deepEqual(await server.ended, { why: 'left' })
})

test('a drained server that still has a device stays', async (context) => {
  const { server, base, giveDevice } = await aServer(context)
  await giveDevice()
  await base.store.update(
    'Servers',
    { serverId: server.serverId },
    { set: { state: 'draining', thenLeave: true, load: 0 }, when: [] },
  )
  await new Promise((resolve) => setTimeout(resolve, 2500))
  assert.equal(server.health().leaving, false)
})

test('a crash cuts every socket at once, and names the devices that the server was at work for', async (context) => {
  const { server, row, giveDevice } = await aServer(context)
  const { deviceId, socket } = await giveDevice()
  socket.mayAct()
  const told = server.crash('an error of nobody')
  assert.deepEqual(socket.asked, ['cut'])
  assert.equal(server.health().leaseValid, false)
  await told
  const { state, crashed, suspects } = await row()
  assert.equal(state, 'dead')
  assert.equal(crashed, true)
  assert.deepEqual(suspects, [deviceId])
})

test('a socket that wants to act after the lease is cut before it is refused', async (context) => {
  const cut = { isOn: false }
  const base = await aWorld(tables)
  const beatStore: HostWorld['beatStore'] = {
    ...base.store,
    async update(table, key, change) {
      if (cut.isOn) throw new Error('the store cannot be reached')
      return base.store.update(table, key, change)
    },
  }
  const settings = { beatEveryMs: 100, fenceAfterMs: 400, buryAfterMs: 60_000 }
  const { server, sockets } = start(context, base, {
    beatStore,
    settings: { ...base.settings, ...settings },
  })
  await eventually(async () => (base.told('server.joined').length > 0 ? true : undefined))
  const { deviceId } = await anOwnedDevice(base, await serverRow(base.store, server.serverId))
  server.ring()
  const socket = await eventually(async () => sockets[0])
  assert.equal(socket.device, deviceId)
  assert.equal(socket.mayAct(), true)
  cut.isOn = true
  await eventually(async () => (server.health().leaseValid ? undefined : true))
  assert.equal(socket.mayAct(), false)
  assert.deepEqual(socket.asked, ['cut'])
  assert.equal(base.told('server.fenced').length, 1)
})

test('a text for a device that the server does not hold is refused with the way to its server', async (context) => {
  const { server } = await aServer(context)
  const message = { to: '15550101', text: 'hello', messageId: 'a-message-id' }
  await assert.rejects(server.send('device-9' as never, message), {
    code: 'DEVICE_NOT_HERE',
    message: 'server "server-1" does not hold device "device-9": GET /devices/device-9 tells which one does',
  })
})

test('a text for a device that the server holds goes over its socket', async (context) => {
  const { server, giveDevice } = await aServer(context)
  const { deviceId, socket } = await giveDevice()
  await server.send(deviceId, { to: '15550101', text: 'hello', messageId: 'a-message-id' })
  assert.deepEqual(socket.asked, ['send'])
})
