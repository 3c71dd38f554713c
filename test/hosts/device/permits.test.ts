import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import { createPermits } from '../../../hosts/device/permits.ts'
import type { HostWorld } from '../../../hosts/world.ts'
import {
  anActiveServer,
  anOwnedDevice,
  aWorld,
  deviceRow,
  embeddedTables,
  type Tables,
} from '../../builders/builders.ts'

const NOW = Date.UTC(2030, 0, 1)

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables.close())

async function somePermits(device: Partial<DeviceRow> = {}) {
  const base = await aWorld(tables)
  const server = await anActiveServer(base, 'server-1')
  const { deviceId } = await anOwnedDevice(base, server)
  const change = async (set: Partial<DeviceRow>) =>
    void (await base.store.update('Devices', { deviceId }, { set, when: [] }))
  if (Object.keys(device).length > 0) await change(device)
  const world = { ...base, clientVersion: '2.3000.1' } as unknown as HostWorld
  const permits = createPermits(world, server.serverId, deviceId)
  return { world: base, permits, change, row: () => deviceRow(base.store, deviceId) }
}

test('a permit is granted for a device that is owned and wanted, and writes the points against it', async () => {
  const { permits, row, world } = await somePermits()
  const permission = await permits.ask(3)
  assert.ok(permission.is === 'granted')
  assert.equal(permission.permit.epoch, (await row()).epoch)
  assert.equal((await row()).suspicion, 5)
  assert.equal(world.told('device.permit_granted').length, 1)
})

test('a device that is stopped gets no permit, since its row asks for the release', async () => {
  const { permits } = await somePermits({ desired: 'stopped' })
  assert.deepEqual(await permits.ask(0), { is: 'not_wanted' })
})

test('a device of another owner gets no permit, and that is told', async () => {
  const { permits, world } = await somePermits({ owner: 'server-2' as never })
  assert.deepEqual(await permits.ask(0), { is: 'not_owner' })
  assert.equal(world.told('device.permit_refused').length, 1)
})

test('a time that WhatsApp set for an earlier owner is kept to, and told in the row', async () => {
  const until = NOW + 60_000
  const { permits, row, world } = await somePermits({
    refusedUntil: until,
    refusal: { code: 402, why: 'a ban' },
  })
  assert.deepEqual(await permits.ask(0), { is: 'later' })
  assert.equal(permits.refusedForMs(), 60_000)
  assert.equal((await row()).retryAt, until)
  assert.equal((await row()).statusReason, 'a ban')
  world.clock.advance(60_001)
  assert.ok(permits.refusedForMs() < 0)
})

test('a time that was set for another version of the client does not hold', async () => {
  const refusal = { code: 405, why: 'too old', clientVersion: '2.3000.0' }
  const { permits } = await somePermits({ refusedUntil: NOW + 60_000, refusal })
  assert.equal((await permits.ask(0)).is, 'granted')
})

test('a row is newer than the permit when a restart was requested since', async () => {
  const { permits, row, change } = await somePermits({ restarts: 2 })
  await permits.ask(0)
  assert.equal(permits.isOutdatedBy(await row(), true), false)
  await change({ restarts: 3 })
  assert.equal(permits.isOutdatedBy(await row(), true), true)
  assert.equal(permits.isOutdatedBy(await row(), false), true)
})

test('a row of a later epoch outdates a socket, and means nothing without a socket', async () => {
  const { permits, row } = await somePermits()
  await permits.ask(0)
  const later = { ...(await row()), epoch: 9 as never }
  assert.equal(permits.isOutdatedBy(later, true), true)
  assert.equal(permits.isOutdatedBy(later, false), false)
})

test('an operator lets a refused device in by taking the time from its row', async () => {
  const { permits, row } = await somePermits()
  assert.equal(permits.isLetInBy(await row()), false)
  permits.refuseUntil(NOW + 60_000)
  assert.equal(permits.isLetInBy({ ...(await row()), refusedUntil: NOW + 60_000 }), false)
  assert.equal(permits.isLetInBy(await row()), true)
  permits.takeIn(await row())
  assert.ok(permits.refusedForMs() <= 0)
})

test('a row that is read without a socket sets the time of the refusal', async () => {
  const { permits, row } = await somePermits({
    refusedUntil: NOW + 5000,
    refusal: { code: 402, why: 'a ban' },
  })
  permits.takeIn(await row())
  assert.equal(permits.refusedForMs(), 5000)
  permits.takeIn({ ...(await row()), owner: 'server-2' as never })
  assert.ok(permits.refusedForMs() <= 0)
})
