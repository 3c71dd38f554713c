import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { dynamoDbStore } from '../../aws/dynamodb-store.ts'
import { systemClock } from '../../core/clock.ts'
import { deviceId, epoch, serverId } from '../../core/ids.ts'
import { fenceAndRead, writeAuth } from '../../core/protocol/auth-writes.ts'
import { claim, permit, register, report } from '../../core/protocol/ownership.ts'
import type { Store } from '../../core/store/store.ts'
import { LOCAL_TABLE_PREFIX, type LocalDatabase, startDatabase } from '../../local/database.ts'
import { type DatabaseWatch, watchDatabase } from './database-watch.ts'

const TABLES = { devices: 'Mooring-Devices', authState: 'Mooring-AuthState', history: 'Mooring-History' }
const DEVICE = deviceId('device-1')

let database: LocalDatabase
let store: Store

before(async () => {
  database = await startDatabase()
  store = dynamoDbStore(database.client, LOCAL_TABLE_PREFIX, 5000)
})

after(() => database?.close())

test('a write under an older epoch that the store refuses is counted as refused', async () => {
  const watch = watching()
  await fenceAndRead(store, DEVICE, 'refused', epoch(3))
  await assert.rejects(writeAuth(store, DEVICE, 'refused', epoch(2), 'late'))
  await assert.rejects(fenceAndRead(store, DEVICE, 'refused', epoch(1)))
  assert.deepEqual(
    watch.staleRefused.map((write) => [write.epoch, write.newest]),
    [
      [2, 3],
      [1, 3],
    ],
  )
  assert.equal(watch.staleAccepted.length, 0)
  assert.equal(watch.authWrites, 1)
})

test('a write under an older epoch that is applied is found', async () => {
  const watch = watching()
  await fenceAndRead(store, DEVICE, 'plain', epoch(3))
  await store.put('AuthState', { deviceId: DEVICE, key: 'plain', epoch: epoch(2), value: 'late' })
  assert.deepEqual(
    watch.staleAccepted.map((write) => [write.deviceId, write.epoch, write.newest]),
    [[DEVICE, 2, 3]],
  )
})

test('the watch knows the owner of an account at any time, and counts how often it changed', async () => {
  let nowMs = 0
  const watch = watching(() => nowMs)
  const [one, other] = [serverId('web-1-a'), serverId('web-2-b')]
  const account = { jid: '15550100:1@s.whatsapp.net' }
  await register(store, systemClock, { deviceId: DEVICE, name: 'one', credentialsId: 'first' })
  await claim(store, systemClock, claimed(one))
  const permitted = await permit(store, systemClock, DEVICE, one)
  await report(
    store,
    systemClock,
    { device: DEVICE, server: one, epoch: permitted.epoch },
    { set: { account } },
  )
  nowMs = 10
  await store.update('Devices', { deviceId: DEVICE }, { remove: ['owner'], when: [] })
  nowMs = 20
  await claim(store, systemClock, claimed(other))
  assert.equal(watch.ownerOf(DEVICE, 9), one)
  assert.equal(watch.ownerOf(DEVICE, 10), undefined)
  assert.equal(watch.ownerOf(DEVICE, 20), other)
  assert.deepEqual(watch.ownersBetween(DEVICE, 9, 20), [one, undefined, other])
  assert.deepEqual(watch.ownersBetween(DEVICE, 10, 19), [undefined])
  const isOther = (server: string) => server === other
  assert.equal(watch.hasAssigned(isOther, 11, 20), true)
  assert.equal(watch.hasAssigned(isOther, 0, 19), false)
  assert.equal(watch.moves, 1)
  assert.equal(watch.deviceOf(account.jid), DEVICE)
})

test('the watch hears the words of servers on the end of a socket', async () => {
  const watch = watching(() => 30)
  const said = {
    deviceId: DEVICE,
    server: serverId('web-1-a'),
    why: 'the connection was closed (428 connection_closed)',
  }
  for (const event of ['connected', 'disconnected'] as const)
    await store.put('History', { ...said, event, at: `2026-01-01#${event}`, expiresAt: 0 })
  assert.deepEqual(watch.saidEnds, [{ ...said, atMs: 30 }])
})

function watching(nowMs = () => 0): DatabaseWatch {
  const watch = watchDatabase(TABLES, nowMs)
  database.onExchange((exchange) => watch.hear(exchange))
  return watch
}

function claimed(server: ReturnType<typeof serverId>) {
  return {
    device: DEVICE,
    server: { serverId: server, name: 'web' },
    claimId: server,
    keepHome: false,
    moved: false,
  }
}
