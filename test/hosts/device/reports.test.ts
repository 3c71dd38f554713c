import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createLease } from '../../../core/protocol/lease.ts'
import { permit } from '../../../core/protocol/ownership.ts'
import type { Store } from '../../../core/store/store.ts'
import { createReports } from '../../../hosts/device/reports.ts'
import * as build from '../../builders/builders.ts'
import { cuttable } from '../../builders/faulty-stores.ts'
import { aHostWorld } from '../host-world.ts'
import { aServerContext } from './connection-scene.ts'

const TRIES_MAX = 30

let tables: build.Tables

before(async () => {
  tables = await build.embeddedTables()
})
after(() => tables.close())

/** A permitted device whose reports go through a store that the test can cut. */
async function aReporter(leaseMs = 3_600_000) {
  const base = await build.aWorld(tables)
  const server = await build.anActiveServer(base, 'web-1')
  const { deviceId } = await build.anOwnedDevice(base, server)
  const permitted = await permit(base.store, base.clock, deviceId, server.serverId)
  const cut = cuttable(base.store)
  let updates = 0
  const store: Store = {
    ...cut,
    update(table, key, change) {
      updates += 1
      return cut.update(table, key, change)
    },
  }
  const lease = createLease(base.clock, { fenceAfterMs: leaseMs })
  lease.renew(base.clock.mark())
  let stale = 0
  const { world } = aHostWorld({ ...base, store })
  const reports = createReports(world, aServerContext(base, server, { lease }), permitted, () => stale++)
  const stored = () => build.deviceRow(base.store, deviceId)
  const takeAway = () => permit(base.store, base.clock, deviceId, server.serverId)
  return { base, reports, cut, stored, takeAway, updates: () => updates, stale: () => stale }
}

const saying = (statusReason: string) => ({ set: { statusReason } })

describe('a report', () => {
  test('is written into the row, and its row is known from then on', async () => {
    const { reports, stored } = await aReporter()

    await reports.say(saying('first'))

    assert.equal((await stored()).statusReason, 'first')
    assert.equal(reports.row().statusReason, 'first')
  })

  test('that fails is tried again until it is written', async () => {
    const { base, reports, cut, stored, updates } = await aReporter()
    cut.cut(5)

    await base.clock.runUntilDone(reports.say(saying('at last')))

    assert.equal((await stored()).statusReason, 'at last')
    assert.equal(updates(), 6)
    assert.deepEqual(base.told('device.failed'), [])
  })

  test('that goes on failing is given up at its limit, and the log tells it', async () => {
    const { base, reports, cut, updates } = await aReporter()
    cut.cut()

    await base.clock.runUntilDone(reports.say(saying('never')))

    assert.equal(updates(), TRIES_MAX)
    assert.equal(base.told('device.failed').length, 1)
  })

  test('is tried no more after the end of the lease', async () => {
    const { base, reports, cut, updates, stale } = await aReporter(3000)
    cut.cut()

    await base.clock.runUntilDone(reports.say(saying('never')))

    assert.ok(updates() < TRIES_MAX)
    assert.equal(stale(), 0)
    assert.deepEqual(base.told('device.failed'), [])
  })

  test('waits for the earlier ones, so that the last one is the last in the row', async () => {
    const { base, reports, cut, stored } = await aReporter()
    cut.cut(1)

    const earlier = reports.say(saying('earlier'))
    const later = reports.say(saying('later'))
    await base.clock.runUntilDone(Promise.all([earlier, later]))

    assert.equal((await stored()).statusReason, 'later')
  })

  test('under an older epoch is refused at once, and tells that the socket is stale', async () => {
    const { reports, stored, takeAway, updates, stale } = await aReporter()
    await takeAway()

    await reports.say(saying('from the past'))

    assert.notEqual((await stored()).statusReason, 'from the past')
    assert.equal(updates(), 1)
    assert.equal(stale(), 1)
  })

  test('of a stale socket does not reach the store again', async () => {
    const { reports, takeAway, updates, stale } = await aReporter()
    await takeAway()
    await reports.say(saying('first'))

    await reports.say(saying('second'))

    assert.equal(updates(), 1)
    assert.equal(stale(), 1)
  })

  test('of history that fails is only told to the log', async () => {
    const { base, reports, cut } = await aReporter()
    cut.cut()

    await base.clock.runUntilDone(reports.history('paired', 'linked by the phone'))

    assert.equal(base.told('device.failed').length, 1)
  })
})
