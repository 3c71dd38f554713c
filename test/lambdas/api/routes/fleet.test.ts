import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { deviceId, epoch, serverId } from '../../../../core/ids.ts'
import { activate, announce, beat } from '../../../../core/protocol/membership.ts'
import { giveConnectShare } from '../../../../core/requests/server-requests.ts'
import { beginSweep } from '../../../../core/sweep/sweep.ts'
import { churnLedger } from '../../../../core/telemetry/churn.ts'
import { recordConflict } from '../../../../core/telemetry/conflicts.ts'
import { embeddedTables, newcomer, type Tables } from '../../../builders/builders.ts'
import { aFleet } from './fleet-scene.ts'

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables.close())

test('the fleet shows how devices are spread over the live servers', async () => {
  const { call } = await aFleet(tables)
  const { body } = await call('GET', '/fleet')
  const spread = body.servers.toSorted((a: { name: string }, b: { name: string }) =>
    a.name.localeCompare(b.name),
  )
  assert.deepEqual(spread, [
    {
      serverId: 'server-1',
      name: 'web-1',
      state: 'active',
      capacity: 10,
      load: 3,
      owned: 3,
      connected: 3,
      waiting: 0,
      utilisation: 30,
    },
    {
      serverId: 'server-2',
      name: 'web-2',
      state: 'active',
      capacity: 10,
      load: 1,
      owned: 1,
      connected: 0,
      waiting: 0,
      utilisation: 10,
    },
  ])
})

test('the fleet shows its totals and its devices by status', async () => {
  const { call } = await aFleet(tables)
  const { body } = await call('GET', '/fleet')
  assert.deepEqual(body.totals, {
    devices: 6,
    owned: 4,
    connected: 0,
    servers: 2,
    serversActive: 2,
    load: 4,
    capacity: 20,
    utilisation: 20,
  })
  assert.equal(body.byStatus.assigned, 4)
  assert.equal(body.byStatus.unassigned, 2)
  assert.equal(body.byStatus.connected, 0)
})

test('a device that has just moved, and that two beats count, is one connected device of the fleet', async () => {
  const { world, call } = await aFleet(tables)
  await world.store.update(
    'Devices',
    { deviceId: deviceId('device-0') },
    { set: { status: 'connected' }, when: [] },
  )
  await beat(world.store, world.clock, serverId('server-1'), 1)
  await beat(world.store, world.clock, serverId('server-2'), 1)

  const { body } = await call('GET', '/fleet')

  assert.equal(body.totals.connected, 1)
  assert.deepEqual(
    body.servers.map((server: { connected: number }) => server.connected),
    [1, 1],
  )
})

test('the fleet shows what moved in the last 15 minutes', async () => {
  const { world, call } = await aFleet(tables)
  const ledger = churnLedger(world.store, world.clock)
  ledger.count('Evictions', 7)
  await ledger.flush()
  world.clock.advance(16 * 60_000)
  ledger.count('Evictions', 2)
  ledger.count('Conflicts', 1)
  await ledger.flush()
  const { body } = await call('GET', '/fleet')
  assert.equal(body.churn.minutes, 15)
  assert.equal(body.churn.counts.Evictions, 2)
  assert.equal(body.churn.counts.Conflicts, 1)
  assert.equal(body.churn.counts.Burials, 0)
})

test('the fleet names the devices that are conflicted', async () => {
  const { world, call } = await aFleet(tables)
  const conflicted = { status: 'conflicted', statusReason: '3 conflicts' } as const
  await world.store.update('Devices', { deviceId: deviceId('device-0') }, { set: conflicted, when: [] })
  const { body } = await call('GET', '/fleet')
  assert.equal(body.conflicted.length, 1)
  assert.equal(body.conflicted[0].deviceId, 'device-0')
  assert.equal(body.conflicted[0].statusReason, '3 conflicts')
})

test('the fleet shows how many connects wait at each server, and the share of each', async () => {
  const { world, call } = await aFleet(tables)
  const { store, clock } = world
  await beat(store, clock, serverId('server-1'), 3, 9)
  await giveConnectShare(store, { serverId: serverId('server-1') }, 12.345)
  const { body } = await call('GET', '/fleet')
  const busy = body.servers.find((server: { name: string }) => server.name === 'web-1')
  assert.equal(busy.waiting, 9)
  assert.equal(busy.connectShare, 12.35)
})

test('the fleet names the devices that had a conflict in the last day, connected again or not', async () => {
  const { world, call } = await aFleet(tables)
  const conflict = (device: string, name: string) =>
    recordConflict(world, {
      device: deviceId(device),
      server: serverId(`${name}-run`),
      serverName: name,
      epoch: epoch(1),
    })
  await conflict('long-ago', 'web-1')
  world.clock.advance(24 * 3_600_000)
  await conflict('twice', 'web-1')
  world.clock.advance(60_000)
  await conflict('once', 'web-1')
  world.clock.advance(60_000)
  await conflict('twice', 'web-2')
  world.clock.advance(60_000)
  const { body } = await call('GET', '/fleet')
  assert.deepEqual(body.conflictsLately, {
    hours: 24,
    devices: [
      { deviceId: 'twice', conflicts: 2, lastAt: '2030-01-02T00:02:00.000Z', serverName: 'web-2' },
      { deviceId: 'once', conflicts: 1, lastAt: '2030-01-02T00:01:00.000Z', serverName: 'web-1' },
    ],
  })
})

test('the fleet shows when the sweep looked last', async () => {
  const { world, call } = await aFleet(tables)
  assert.deepEqual((await call('GET', '/fleet')).body.sweep, {})
  await beginSweep(world).look()
  world.clock.advance(90_000)
  const { body } = await call('GET', '/fleet')
  assert.deepEqual(body.sweep, { lastLookAt: '2030-01-01T00:00:00.000Z', ageSeconds: 90 })
})

test('the fleet shows no duplicates while another server only asks for a name that is held', async () => {
  const { world, call } = await aFleet(tables)
  await announce(world.store, world.clock, newcomer('server-4', { name: 'web-1' }))
  const { body } = await call('GET', '/fleet')
  assert.deepEqual(body.duplicates, { names: [], urls: [] })
})

test('the fleet shows a name and a URL that two servers use', async () => {
  const { world, call } = await aFleet(tables)
  const intruder = newcomer('server-4', { name: 'web-1' })
  await announce(world.store, world.clock, intruder)
  await activate(world.store, intruder.serverId)
  const { body } = await call('GET', '/fleet')
  assert.equal(body.duplicates.names[0].value, 'web-1')
  assert.deepEqual(body.duplicates.names[0].serverIds.toSorted(), ['server-1', 'server-4'])
  assert.equal(body.duplicates.urls.length, 1)
})
