import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { systemClock } from '../../../core/clock.ts'
import { requestMove, stop } from '../../../core/requests/device-requests.ts'
import type { OwnedDevice } from '../../../core/store/device-row.ts'
import { keepConnection } from '../../../hosts/device/connection.ts'
import type { HostWorld, ServerContext } from '../../../hosts/world.ts'
import {
  anActiveServer,
  anOwnedDevice,
  aWorld,
  deviceRow,
  embeddedTables,
  type Tables,
  type TestWorld,
} from '../../builders/builders.ts'
import { aConnection, BACKOFF, eventually } from './connection-scene.ts'

let tables: Tables

before(async () => {
  tables = await embeddedTables()
})

after(() => tables.close())

const REQUESTS = {
  move: ({ store, clock }: TestWorld, { deviceId, owner }: OwnedDevice) =>
    requestMove(store, clock, { device: deviceId, from: owner, to: 'any', why: 'a test' }),
  stop: ({ store, clock }: TestWorld, { deviceId }: OwnedDevice) => stop(store, clock, deviceId, 'by a test'),
}

for (const what of ['move', 'stop'] as const) {
  test(`a device that is asked to ${what} while it waits for its turn to connect is released at once`, async () => {
    const world = await aWorld(tables)
    const server = await anActiveServer(world, 'web-1')
    const device = await anOwnedDevice(world, server)
    const connection = keepConnection(hostWorld(world), aServerWithoutTurns(device), device.deviceId)
    const row = await REQUESTS[what](world, device)
    connection.notice(row ?? device)
    assert.deepEqual(await connection.ended, { released: true })
    assert.equal((await deviceRow(world.store, device.deviceId)).owner, undefined)
  })
}

test('a server that leaves closes the socket before it releases the device', async (context) => {
  const { world, connection, deviceId, nextSocket } = await aConnection(context, tables)
  await nextSocket()
  connection.leave()
  assert.deepEqual(await connection.ended, { released: true })
  assert.deepEqual(
    world.emitted.map(({ event }) => event).filter((event) => /closed|released/.test(event)),
    ['device.closed', 'device.released'],
  )
  assert.equal((await deviceRow(world.store, deviceId)).owner, undefined)
})

test('a device that another server owns is forgotten, and its row is left as it is', async (context) => {
  const { world, connection, deviceId, sockets } = await aConnection(context, tables, {
    device: { owner: 'server-2' as never },
  })
  assert.deepEqual(await connection.ended, { released: false })
  assert.equal(sockets.length, 0)
  assert.equal((await deviceRow(world.store, deviceId)).owner, 'server-2')
})

test('a socket whose device got another owner is closed as stale, and nothing is released', async (context) => {
  const { world, connection, deviceId, nextSocket } = await aConnection(context, tables)
  await nextSocket()
  await world.store.update('Devices', { deviceId }, { set: { owner: 'server-2' as never }, when: [] })
  connection.notice(await deviceRow(world.store, deviceId))
  assert.deepEqual(await connection.ended, { released: false })
  assert.equal(world.told('device.closed')[0]?.why, 'stale')
})

test('a restart that is requested closes the socket, and the next one has an epoch of its own', async (context) => {
  const { world, connection, deviceId, nextSocket } = await aConnection(context, tables)
  await nextSocket()
  const { epoch } = await deviceRow(world.store, deviceId)
  await world.store.update('Devices', { deviceId }, { add: { restarts: 1 }, when: [] })
  connection.notice(await deviceRow(world.store, deviceId))
  await nextSocket()
  assert.equal((await deviceRow(world.store, deviceId)).epoch, epoch + 1)
})

test('a fence cuts the socket before it returns, and the device connects again afterwards', async (context) => {
  const { connection, sockets, nextSocket, rowWhen } = await aConnection(context, tables, {
    freshCredentials: true,
  })
  const socket = await nextSocket()
  socket.open({ jid: '15550100:1@s.whatsapp.net' })
  await rowWhen(({ status }) => status === 'connected')
  assert.equal(connection.isConnected(), true)
  connection.fence()
  await nextSocket()
  assert.equal(sockets.length, 2)
  assert.equal(connection.isConnected(), false)
})

test('a row that an index lists late, without anything new, does not disturb the socket', async (context) => {
  const { world, connection, deviceId, sockets, nextSocket } = await aConnection(context, tables)
  await nextSocket()
  connection.notice(await deviceRow(world.store, deviceId))
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(sockets.length, 1)
  assert.equal(world.told('device.closed').length, 0)
})

test('an error of the store before a socket is opened is told, and backs off', async (context) => {
  const store = { fails: 1 }
  const { world, sockets, nextSocket } = await aConnection(context, tables, {
    between: (base) => ({
      ...base,
      async update(table, key, change) {
        if (table === 'Devices' && store.fails-- > 0) throw new Error('the store cannot be reached')
        return base.update(table, key, change)
      },
    }),
  })
  await eventually(async () => (world.told('device.failed').length > 0 ? true : undefined))
  world.clock.advance(BACKOFF.baseMs / 2 - 1)
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(sockets.length, 0)
  world.clock.advance(1)
  await nextSocket()
})

test('a third conflict within ten minutes ends the connection, and says why', async (context) => {
  const now = Date.UTC(2030, 0, 1)
  const { world, connection, deviceId, nextSocket } = await aConnection(context, tables, {
    device: { conflicts: [now - 2000, now - 1000] },
  })
  const socket = await nextSocket()
  socket.closed(440, 'replaced')
  assert.deepEqual(await connection.ended, { released: true })
  const { status, statusReason } = await deviceRow(world.store, deviceId)
  assert.equal(status, 'conflicted')
  assert.equal(
    statusReason,
    '3 conflicts (440) within 10 minutes: a client outside the fleet uses these credentials',
  )
  assert.equal(world.told('device.conflict').length, 1)
})

function hostWorld(world: TestWorld): HostWorld {
  return { ...world, clock: systemClock, requestPlacement: async () => undefined } as unknown as HostWorld
}

/** Other devices connect so often that this device gets no turn. */
function aServerWithoutTurns({ owner }: OwnedDevice): ServerContext {
  const turn = (until: AbortSignal) =>
    new Promise<boolean>((resolve) => until.addEventListener('abort', () => resolve(false)))
  return {
    serverId: owner,
    name: 'web-1',
    lease: { renew() {}, revoke() {}, isValid: () => true, remainingMs: () => 8000 },
    limiter: { turn, setRate() {}, waiting: () => 1 },
    suspects: { enter: async () => undefined },
    backoff: { baseMs: 1000, capMs: 60_000 },
    takeSurplus: () => false,
    mayAct: () => true,
    leaseValid: async () => undefined,
  }
}
