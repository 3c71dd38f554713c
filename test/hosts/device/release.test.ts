import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { permit } from '../../../core/protocol/ownership.ts'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import { readHistory } from '../../../core/telemetry/history.ts'
import { type ReleaseReason, releaseDevice } from '../../../hosts/device/release.ts'
import type { HostWorld } from '../../../hosts/world.ts'
import {
  anActiveServer,
  anOwnedDevice,
  aWorld,
  deviceRow,
  embeddedTables,
  type Tables,
} from '../../builders/builders.ts'
import { aServerContext } from './connection-scene.ts'

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables.close())

const LEAVING: ReleaseReason = { because: 'leaving' }
const ROW: ReleaseReason = { because: 'row' }

/** A device under a permit, released by its server for `reason`. */
async function released(device: Partial<DeviceRow>, reason: ReleaseReason, suspicion = 0) {
  const base = await aWorld(tables)
  const server = await anActiveServer(base, 'server-1')
  const { deviceId } = await anOwnedDevice(base, server)
  await permit(base.store, base.clock, deviceId, server.serverId)
  if (Object.keys(device).length > 0)
    await base.store.update('Devices', { deviceId }, { set: device, when: [] })
  const before = await deviceRow(base.store, deviceId)
  const placed: string[] = []
  const world = {
    ...base,
    requestPlacement: async (devices: readonly string[]) => void placed.push(...devices),
  } as unknown as HostWorld
  const outcome = await releaseDevice(world, aServerContext(base, server), deviceId, reason, suspicion)
  const row = await deviceRow(base.store, deviceId)
  const { rows } = await readHistory(base.store, deviceId, 1)
  return { world: base, outcome, before, row, placed, event: rows[0]?.event, deviceId }
}

test('a device whose server leaves is unassigned, keeps its home, and a server is asked for', async () => {
  const { outcome, before, row, placed, event, deviceId } = await released({}, LEAVING)
  assert.equal(outcome, 'released')
  assert.equal(row.owner, undefined)
  assert.equal(row.status, 'unassigned')
  assert.equal(row.statusReason, 'server "server-1" left')
  assert.equal(row.desired, 'running')
  assert.equal(row.home?.name, 'server-1')
  assert.equal(row.epoch, before.epoch + 1)
  assert.deepEqual(placed, [deviceId])
  assert.equal(event, 'released')
})

test('a device that is asked to move is unassigned without a home, and a server is asked for', async () => {
  const { row, placed, deviceId } = await released({ moveTo: 'any', moveReason: 'a drain' }, ROW)
  assert.equal(row.status, 'unassigned')
  assert.equal(row.statusReason, 'asked to move: a drain')
  assert.equal(row.home, undefined)
  assert.deepEqual(placed, [deviceId])
})

test('a device that is stopped keeps its home and its reason, and no server is asked for', async () => {
  const { row, placed, event } = await released({ desired: 'stopped', statusReason: 'by an operator' }, ROW)
  assert.equal(row.status, 'stopped')
  assert.equal(row.statusReason, 'by an operator')
  assert.equal(row.home?.name, 'server-1')
  assert.deepEqual(placed, [])
  assert.equal(event, 'stopped')
})

test('a stop counts more than the leaving of the server', async () => {
  const { row, placed } = await released({ desired: 'stopped' }, LEAVING)
  assert.equal(row.status, 'stopped')
  assert.deepEqual(placed, [])
})

test('a logout that was requested gives the device fresh credentials and no home', async () => {
  const { before, row, placed, event, world } = await released({ desired: 'stopped', logout: true }, ROW)
  assert.equal(row.status, 'logged_out')
  assert.notEqual(row.credentialsId, before.credentialsId)
  assert.equal(row.logout, undefined)
  assert.equal(row.home, undefined)
  assert.deepEqual(placed, [])
  assert.equal(event, 'logged_out')
  assert.equal(world.told('device.logged_out').length, 1)
})

test('a device that WhatsApp has logged out is no longer wanted, and its credentials are archived', async () => {
  const { before, row, event } = await released({}, { because: 'logged_out', why: 'the phone did it' })
  assert.equal(row.status, 'logged_out')
  assert.equal(row.statusReason, 'the phone did it')
  assert.equal(row.desired, 'stopped')
  assert.notEqual(row.credentialsId, before.credentialsId)
  assert.equal(event, 'logged_out')
})

for (const because of ['stopped', 'conflicted'] as const) {
  test(`a device that is ${because} is no longer wanted, and keeps its credentials and its home`, async () => {
    const { before, row, placed, event } = await released({}, { because, why: 'for a reason' })
    assert.equal(row.status, because)
    assert.equal(row.statusReason, 'for a reason')
    assert.equal(row.desired, 'stopped')
    assert.equal(row.credentialsId, before.credentialsId)
    assert.equal(row.home?.name, 'server-1')
    assert.deepEqual(placed, [])
    assert.equal(event, because)
  })
}

for (const reason of [ROW, { because: 'logged_out', why: 'x' }, { because: 'stopped', why: 'x' }] as const) {
  test(`a device in deletion is passed to the control plane when it is released: ${reason.because}`, async () => {
    const { placed, deviceId } = await released({ desired: 'stopped', deleting: true }, reason)
    assert.deepEqual(placed, [deviceId])
  })
}

test('a device whose row does not ask for a release any more is kept', async () => {
  const { outcome, before, row } = await released({}, ROW)
  assert.equal(outcome, 'still_wanted')
  assert.deepEqual(row, before)
})

test('a device that has another owner is left alone', async () => {
  const other = { owner: 'server-2' as never }
  const { outcome, before, row, placed } = await released(other, LEAVING)
  assert.equal(outcome, 'lost')
  assert.deepEqual(row, before)
  assert.deepEqual(placed, [])
})

test('a socket that was connected until now is written as disconnected by the release', async () => {
  const { row, world } = await released({ status: 'connected' }, LEAVING)
  assert.equal(row.disconnectedAt, world.clock.wallMs())
})

test('a device that had no socket keeps the time when it lost the last one', async () => {
  const { row } = await released({ status: 'disconnected', disconnectedAt: 5 }, LEAVING)
  assert.equal(row.disconnectedAt, 5)
})

test('the release writes the points that remain against the device', async () => {
  assert.equal((await released({}, LEAVING, 3)).row.suspicion, 3)
  assert.equal((await released({ suspicion: 2 }, LEAVING, 0)).row.suspicion, undefined)
})
