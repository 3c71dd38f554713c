import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import { deviceRow, embeddedTables, type Tables } from '../../builders/builders.ts'
import { aConnection, eventually } from './connection-scene.ts'

const ACCOUNT = { jid: '15550100:1@s.whatsapp.net' }
const PAIRED_AT = Date.UTC(2030, 0, 1) - 1000

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables.close())

/** A device that a phone has just linked, with credentials that have not logged in yet. */
function justLinked(context: TestContext, device: Partial<DeviceRow> = {}) {
  const row = { pairedAt: PAIRED_AT, account: ACCOUNT, ...device }
  return aConnection(context, tables, { device: row, freshCredentials: true })
}

test('credentials that WhatsApp refuses before their first login are kept, and log in later', async (context) => {
  const { world, deviceId, nextSocket, rowWhen } = await justLinked(context)
  const { credentialsId } = await deviceRow(world.store, deviceId)

  const early = await nextSocket()
  early.closed(401, 'Stream Errored (conflict)')

  const waiting = await rowWhen(({ status }) => status === 'disconnected')
  assert.equal(waiting.retryAt, world.clock.wallMs() + 500)
  assert.equal(waiting.statusReason, 'WhatsApp does not know of its pairing yet (401)')
  world.clock.advance(500)
  const next = await nextSocket()
  next.open(ACCOUNT)
  const row = await rowWhen(({ status }) => status === 'connected')
  assert.equal(row.credentialsId, credentialsId)
})

test('credentials that WhatsApp refuses for a minute without a login are logged out', async (context) => {
  const { world, deviceId, connection, sockets, rowWhen } = await justLinked(context)
  const { credentialsId } = await deviceRow(world.store, deviceId)
  const begunMs = world.clock.wallMs()

  let answered = 0
  const row = await eventually(async () => {
    world.clock.advance(1000)
    for (const socket of sockets.slice(answered)) socket.closed(401, 'Stream Errored (conflict)')
    answered = sockets.length
    const now = await deviceRow(world.store, deviceId)
    return now.owner === undefined ? now : undefined
  })

  assert.equal(row.status, 'logged_out')
  assert.equal(row.desired, 'stopped')
  assert.notEqual(row.credentialsId, credentialsId)
  assert.ok(world.clock.wallMs() - begunMs >= 60_000)
  assert.ok(sockets.length > 3)
  assert.deepEqual(await connection.ended, { released: true })
  await rowWhen(({ pairedAt }) => pairedAt === undefined)
})

test('credentials that have logged in since they were paired are logged out by the first refusal', async (context) => {
  const { deviceId, world, sockets, nextSocket, rowWhen } = await justLinked(context, {
    connectedAt: PAIRED_AT + 500,
  })
  const { credentialsId } = await deviceRow(world.store, deviceId)

  const socket = await nextSocket()
  socket.closed(401, 'Stream Errored (conflict)')

  const row = await rowWhen(({ status }) => status === 'logged_out')
  assert.notEqual(row.credentialsId, credentialsId)
  assert.equal(sockets.length, 1)
})

test('a logout in the first minute of the first login is a logout', async (context) => {
  const { sockets, nextSocket, rowWhen } = await justLinked(context)

  const socket = await nextSocket()
  socket.open(ACCOUNT)
  await rowWhen(({ status }) => status === 'connected')
  socket.closed(401, 'Stream Errored (conflict)')

  await rowWhen(({ status }) => status === 'logged_out')
  assert.equal(sockets.length, 1)
})

test('credentials that a phone has accepted are kept, although the report of the pairing was lost', async (context) => {
  const { world, deviceId, auths, nextSocket, rowWhen } = await aConnection(context, tables)
  const pairing = await nextSocket()
  const [auth] = auths
  assert.ok(auth)
  auth.state.creds.me = { id: ACCOUNT.jid }
  auth.state.creds.account = { details: new Uint8Array(1) }
  await auth.saveCreds()
  const { credentialsId } = await deviceRow(world.store, deviceId)
  pairing.closed(428, 'Connection Closed')
  await rowWhen(({ status }) => status === 'disconnected')
  world.clock.advance(500)

  const early = await nextSocket()
  early.closed(401, 'Stream Errored (conflict)')

  const row = await rowWhen(({ statusReason }) => statusReason?.endsWith('(401)') === true)
  await new Promise((resolve) => setTimeout(resolve, 100))
  assert.equal((await deviceRow(world.store, deviceId)).credentialsId, credentialsId)
  assert.ok(row.retryAt)
})
