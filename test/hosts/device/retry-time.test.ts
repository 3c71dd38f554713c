import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import type { Store } from '../../../core/store/store.ts'
import { readConflicts } from '../../../core/telemetry/conflicts.ts'
import { deviceRow, embeddedTables, type Tables } from '../../builders/builders.ts'
import { aConnection, BACKOFF, eventually } from './connection-scene.ts'

let tables: Tables

before(async () => {
  tables = await embeddedTables()
})

after(() => tables.close())

/** Notes each status that is written. */
function noting(reports: string[]): (store: Store) => Store {
  return (store) => ({
    ...store,
    async update(table, key, change) {
      const { status } = (change.set ?? {}) as { status?: string }
      if (table === 'Devices' && status) reports.push(status)
      return store.update(table, key, change)
    },
  })
}

const isDisconnected = ({ status }: DeviceRow) => status === 'disconnected'

test('the report that a socket is closed tells in the same write when the next try is', async (context) => {
  const reports: string[] = []
  const { world, nextSocket, rowWhen } = await aConnection(context, tables, { between: noting(reports) })
  const socket = await nextSocket()
  reports.length = 0
  const closedAt = world.clock.wallMs()
  socket.closed(428, 'Connection Closed')
  const row = await rowWhen(isDisconnected)
  assert.equal(row.statusReason, 'the connection to WhatsApp was closed (428 connection_closed)')
  assert.equal(row.retryAt, closedAt + BACKOFF.baseMs / 2)
  assert.deepEqual(reports, ['disconnected'])
})

test('the next try comes at the time that was told, and its permit takes the time from the row', async (context) => {
  const { world, deviceId, sockets, nextSocket, rowWhen } = await aConnection(context, tables)
  const first = await nextSocket()
  first.closed(428, 'Connection Closed')
  const { retryAt = 0 } = await rowWhen(isDisconnected)
  world.clock.advance(retryAt - world.clock.wallMs() - 1)
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(sockets.length, 1)
  world.clock.advance(1)
  await nextSocket()
  assert.equal((await deviceRow(world.store, deviceId)).retryAt, undefined)
})

test('the waits grow with each failure', async (context) => {
  const { world, nextSocket, rowWhen } = await aConnection(context, tables)
  const waits: number[] = []
  for (let failure = 0; failure < 3; failure++) {
    const socket = await nextSocket()
    const closedAt = world.clock.wallMs()
    socket.closed(503, 'Service Unavailable')
    const { retryAt = 0 } = await rowWhen(isDisconnected)
    waits.push(retryAt - closedAt)
    world.clock.advance(retryAt - closedAt)
  }
  assert.deepEqual(waits, [500, 1000, 2000])
})

test('a conflict is listed in the fleet, and its pause is told', async (context) => {
  const { world, deviceId, nextSocket, rowWhen } = await aConnection(context, tables)
  const socket = await nextSocket()
  socket.open({ jid: '15550100@s.whatsapp.net' })
  await rowWhen(({ status }) => status === 'connected')
  const closedAt = world.clock.wallMs()
  socket.closed(440, 'Stream Errored (conflict)')
  const row = await rowWhen(isDisconnected)
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
  const { world, deviceId, nextSocket, rowWhen } = await aConnection(context, tables)
  const socket = await nextSocket()
  await world.store.update('Devices', { deviceId }, { set: { pairedAt: 1 }, when: [] })
  socket.closed(428, 'Connection Closed')
  await rowWhen(isDisconnected)
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
