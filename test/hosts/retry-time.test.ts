import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { readConflicts } from '../../core/conflicts.ts'
import type { DeviceRow } from '../../core/device.ts'
import { createLease } from '../../core/lease.ts'
import type { Store } from '../../core/store.ts'
import { openAuthState } from '../../hosts/auth-state/auth-state.ts'
import { createConnectLimiter } from '../../hosts/connect-limiter.ts'
import { droppingConsumer } from '../../hosts/consumer.ts'
import { keepConnection } from '../../hosts/device-connection.ts'
import type { SocketEvents } from '../../hosts/whatsapp-socket.ts'
import type { HostWorld } from '../../hosts/world.ts'
import {
  anActiveServer,
  anOwnedDevice,
  aWorld,
  deviceRow,
  embeddedTables,
  type Tables,
} from '../core/builders.ts'
import { scriptedRandom } from '../core/chance.ts'
import { wrapping } from './auth-state/fixtures.ts'

let tables: Tables

before(async () => {
  tables = await embeddedTables()
})

after(() => tables.close())

const BACKOFF = { baseMs: 1000, capMs: 60_000 }

/** A device on its server, with sockets that do what the test says, on the test's clock. Half of each bound is drawn. */
async function aConnection(context: TestContext) {
  const base = await aWorld(tables)
  const server = await anActiveServer(base, 'web-1')
  const { deviceId } = await anOwnedDevice(base, server)
  const reports: string[] = []
  const store: Store = {
    ...base.store,
    async update(table, key, change) {
      const { status } = (change.set ?? {}) as { status?: string }
      if (table === 'Devices' && status) reports.push(status)
      return base.store.update(table, key, change)
    },
  }
  const sockets: SocketEvents[] = []
  let used = 0
  const nextSocket = () =>
    eventually(async () => {
      // A wait that was over before it began ends here.
      base.clock.advance(0)
      return sockets.length > used ? sockets[used++] : undefined
    })
  const world: HostWorld = {
    ...base,
    store,
    beatStore: store,
    random: { ...base.random, fraction: scriptedRandom(0.5).fraction },
    openAuth: (wish) => openAuthState({ ...base, store, wrapping, renewDataKeysAfterDays: 365, ...wish }),
    openSocket: ({ events }) => {
      sockets.push(events)
      const closed = () => events.closed(0, 'closed')
      return {
        requestPairingCode: async () => 'ABCD1234',
        logout: async () => undefined,
        send: async () => undefined,
        close: async () => closed(),
        cut: closed,
      }
    },
    pairingTimeoutMs: 600_000,
    consumer: droppingConsumer,
    requestPlacement: async () => undefined,
  }
  const lease = createLease(base.clock, { fenceAfterMs: 3_600_000 })
  lease.renew(base.clock.mark())
  const connection = keepConnection(
    world,
    {
      serverId: server.serverId,
      name: server.name,
      lease,
      limiter: createConnectLimiter(base.clock, 100),
      backoff: BACKOFF,
      takeSurplus: () => false,
      mayAct: () => true,
      leaseValid: async () => undefined,
    },
    deviceId,
  )
  context.after(async () => {
    connection.leave()
    await connection.ended
  })
  const rowWhen = (status: DeviceRow['status']) =>
    eventually(async () => {
      const row = await deviceRow(base.store, deviceId)
      return row.status === status ? row : undefined
    })
  return { world: base, deviceId, reports, sockets, nextSocket, rowWhen }
}

/** In real time: the clock of the connection stands still unless the test moves it. */
async function eventually<Found>(look: () => Promise<Found | undefined>): Promise<Found> {
  for (let tries = 0; tries < 1000; tries++) {
    const found = await look()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error('it did not come about')
}

test('the report that a socket is closed tells in the same write when the next try is', async (context) => {
  const { world, reports, nextSocket, rowWhen } = await aConnection(context)
  const socket = await nextSocket()
  reports.length = 0
  const closedAt = world.clock.wallMs()
  socket.closed(428, 'Connection Closed')
  const row = await rowWhen('disconnected')
  assert.equal(row.statusReason, 'closed with 428 (Connection Closed)')
  assert.equal(row.retryAt, closedAt + BACKOFF.baseMs / 2)
  assert.deepEqual(reports, ['disconnected'])
})

test('the next try comes at the time that was told, and its permit takes the time from the row', async (context) => {
  const { world, deviceId, sockets, nextSocket, rowWhen } = await aConnection(context)
  const first = await nextSocket()
  first.closed(428, 'Connection Closed')
  const { retryAt = 0 } = await rowWhen('disconnected')
  world.clock.advance(retryAt - world.clock.wallMs() - 1)
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(sockets.length, 1)
  world.clock.advance(1)
  await nextSocket()
  assert.equal((await deviceRow(world.store, deviceId)).retryAt, undefined)
})

test('the waits grow with each failure', async (context) => {
  const { world, nextSocket, rowWhen } = await aConnection(context)
  const waits: number[] = []
  for (let failure = 0; failure < 3; failure++) {
    const socket = await nextSocket()
    const closedAt = world.clock.wallMs()
    socket.closed(503, 'Service Unavailable')
    const { retryAt = 0 } = await rowWhen('disconnected')
    waits.push(retryAt - closedAt)
    world.clock.advance(retryAt - closedAt)
  }
  assert.deepEqual(waits, [500, 1000, 2000])
})

test('a conflict is listed in the fleet, and its pause is told', async (context) => {
  const { world, deviceId, nextSocket, rowWhen } = await aConnection(context)
  const socket = await nextSocket()
  socket.open({ jid: '15550100@s.whatsapp.net' })
  await rowWhen('connected')
  const closedAt = world.clock.wallMs()
  socket.closed(440, 'Stream Errored (conflict)')
  const row = await rowWhen('disconnected')
  assert.equal(row.retryAt, closedAt + 3000)
  const lately = await eventually(async () => {
    const conflicts = await readConflicts(world.store, world.clock)
    return conflicts.length > 0 ? conflicts : undefined
  })
  assert.deepEqual(
    lately.map((one) => [one.deviceId, one.conflicts, one.serverName]),
    [[deviceId, 1, 'web-1']],
  )
})

test('a device whose credentials cannot be read says so, and when it is tried again', async (context) => {
  const { world, deviceId, nextSocket, rowWhen } = await aConnection(context)
  const socket = await nextSocket()
  await world.store.update('Devices', { deviceId }, { set: { pairedAt: 1 }, when: [] })
  socket.closed(428, 'Connection Closed')
  await rowWhen('disconnected')
  world.clock.advance(BACKOFF.baseMs / 2)
  const row = await eventually(async () => {
    world.clock.advance(0)
    const { statusReason, retryAt = 0 } = await deviceRow(world.store, deviceId)
    return statusReason?.startsWith('its credentials') ? { statusReason, retryAt } : undefined
  })
  assert.equal(
    row.statusReason,
    'its credentials cannot be read: it was paired, but its credentials are missing',
  )
  assert.equal(row.retryAt, world.clock.wallMs() + BACKOFF.baseMs)
})
