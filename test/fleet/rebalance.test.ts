/** Servers that join a fleet: rebalancing moves devices to them, within its budget. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { DeviceId } from '../../core/ids.ts'
import type { DeviceRow } from '../../core/store/device-row.ts'
import type { RebalancingAnswer } from '../../lambdas/api/routes/rebalancing.ts'
import { startTestFleet, type TestFleet } from './fleet-under-test.ts'
import { until } from './until.ts'

const CAPACITY = 20

async function rebalancingOf(fleet: TestFleet): Promise<RebalancingAnswer> {
  const { body } = await fleet.call('GET', '/fleet')
  return (body as { rebalancing: RebalancingAnswer }).rebalancing
}

/** The device was asked to move, or has moved and is not connected yet. */
function isUnderWay({ moveTo, movedAt, status }: DeviceRow): boolean {
  return moveTo !== undefined || (movedAt !== undefined && status !== 'connected')
}

/** The most devices that are under way from or to one server. */
function mostUnderWay(rows: readonly DeviceRow[]): number {
  const servers = rows
    .filter(isUnderWay)
    .flatMap(({ owner, moveTo, movedFrom }) => [...new Set([owner, moveTo, movedFrom])])
  const counts = Object.values(Object.groupBy(servers.filter(Boolean), String))
  return Math.max(0, ...counts.map((same) => same?.length ?? 0))
}

/** Resolves when the fleet is even. `look` sees the rows of every look until then. */
function untilEven(fleet: TestFleet, look: (rows: DeviceRow[]) => void, ids: readonly DeviceId[]) {
  return until(
    'the spread closed',
    120_000,
    async () => {
      look(await fleet.devices(ids))
      const now = await rebalancingOf(fleet)
      return now.state === 'balanced' && now
    },
    () => rebalancingOf(fleet),
  )
}

describe('a fifth server that joins a fleet of 40 devices', () => {
  let fleet: TestFleet
  let ids: DeviceId[]

  before(async () => {
    const rebalancing = { shareOfFleetPercent: 30, inFlightPerServer: 3 }
    // Database, simulator and test share a process, and have to keep up with 40 first logins.
    fleet = await startTestFleet({ servers: 4, capacity: CAPACITY, connectsPerSecond: 3, rebalancing })
    // Devices that are registered one by one may be spread wider than the band. Unpaused, they would move too
    // early.
    const answer = await fleet.call('POST', '/fleet/rebalancing', { paused: true })
    assert.equal(answer.body.state, 'paused')
    ids = await fleet.linkDevices(40, 'even')
  })
  after(async () => {
    await fleet?.close()
  })

  test('gets nothing while rebalancing is paused', async () => {
    await fleet.startServer('server-5')
    await fleet.untilActive('server-5', 60_000)
    await new Promise((resolve) => setTimeout(resolve, 10_000))

    assert.deepEqual(await fleet.ownedBy(ids, 'server-5'), [])
    assert.equal((await rebalancingOf(fleet)).movedInWindow, 0)
    assert.ok((await rebalancingOf(fleet)).spreadPercent > 10)
  })

  test('gets a few devices at a time within the budget until the spread has closed', async () => {
    const atOnce: number[] = []
    await fleet.call('POST', '/fleet/rebalancing', { paused: false })

    const even = await untilEven(fleet, (rows) => atOnce.push(mostUnderWay(rows)), ids)

    const rows = await fleet.untilConnected(ids)
    const moved = rows.filter(({ movedAt }) => movedAt !== undefined)
    assert.ok(even.spreadPercent <= 10, `${even.spreadPercent}`)
    assert.equal(even.budgetInWindow, 12)
    assert.equal(even.movedInWindow, moved.length)
    assert.ok(moved.length > 0 && moved.length <= 12, `${moved.length}`)
    const came = await fleet.ownedBy(ids, 'server-5')
    assert.ok(came.length > 0)
    assert.deepEqual(
      came.filter((id) => !moved.some(({ deviceId }) => deviceId === id)),
      [],
    )
    assert.ok(Math.max(...atOnce) <= 3, `${atOnce}`)
    fleet.assertNeverTwoSockets()
  })
})

describe('a third server that joins a fleet whose budget is two devices', () => {
  let fleet: TestFleet
  let ids: DeviceId[]

  before(async () => {
    fleet = await startTestFleet({
      servers: 2,
      capacity: CAPACITY,
      rebalancing: { shareOfFleetPercent: 12.5 },
    })
    ids = await fleet.linkDevices(16, 'slow')
    await fleet.startServer('server-3')
    await fleet.untilActive('server-3', 60_000)
  })
  after(async () => {
    await fleet?.close()
  })

  test('gets two devices in ten minutes, and the fleet says what it waits for', async () => {
    const waiting = await until(
      'the budget is spent',
      60_000,
      async () => {
        const now = await rebalancingOf(fleet)
        return now.state === 'waiting' && now.movedInWindow > 0 && now
      },
      () => rebalancingOf(fleet),
    )

    assert.equal(waiting.movedInWindow, 2)
    assert.equal(waiting.budgetInWindow, 2)
    assert.match(waiting.why, /all 2 moves of 10 minutes were made/)
    assert.ok(waiting.spreadPercent > 10)
    assert.equal((await fleet.ownedBy(ids, 'server-3')).length, 2)
  })

  test('gets devices that lose their socket anyway for free, until the spread has closed', async () => {
    await until('server-1 was told of a surplus', 60_000, async () => {
      const row = await fleet.serverRow('server-1')
      return (row?.surplus ?? 0) > 0
    })
    // The server learns of its surplus with its next beat.
    await new Promise((resolve) => setTimeout(resolve, 5000))
    for (const name of ['server-1', 'server-2']) {
      for (const row of await fleet.devices(await fleet.ownedBy(ids, name))) {
        fleet.simulator.breakConnection(row.account?.jid ?? '', '428')
      }
    }

    const even = await untilEven(fleet, () => undefined, ids)

    const rows = await fleet.untilConnected(ids)
    assert.equal(even.movedInWindow, 2)
    const moved = rows.filter(({ movedAt }) => movedAt !== undefined).length
    assert.ok(moved > 2 && moved <= 4, `${moved} moved`)
    fleet.assertNeverTwoSockets()
  })
})
