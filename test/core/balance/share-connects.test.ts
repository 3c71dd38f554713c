import assert from 'node:assert/strict'
import { after, beforeEach, describe, test } from 'node:test'
import { beat, buryExited } from '../../../core/protocol/membership.ts'
import { giveConnectShare } from '../../../core/requests/server-requests.ts'
import type { ServerRow } from '../../../core/store/server-row.ts'
import { beginSweep } from '../../../core/sweep/sweep.ts'
import { readSweepStamp } from '../../../core/telemetry/sweep-stamp.ts'
import {
  activeServers,
  anActiveServer,
  aWorld,
  embeddedTables,
  lookEverySecond,
  serverRow,
  type TestWorld,
} from '../../builders/builders.ts'
import { cuttable } from '../../builders/faulty-stores.ts'

const tables = await embeddedTables()
after(() => tables.close())

let world: TestWorld & { fleetConnectsPerSecond?: number }
beforeEach(async () => {
  world = { ...(await aWorld(tables)), fleetConnectsPerSecond: 12 }
})

async function sharesOf(servers: readonly ServerRow[]) {
  const rows = await Promise.all(servers.map(({ serverId }) => serverRow(world.store, serverId)))
  return rows.map(({ connectShare = 0 }) => Math.round(connectShare * 100) / 100)
}

/** Beats that tell how many connects wait. */
async function waitingAt(servers: readonly ServerRow[], ...waiting: number[]) {
  for (const [at, { serverId }] of servers.entries()) {
    await beat(world.store, world.clock, serverId, 0, waiting[at])
  }
}

describe('the rate of the fleet', () => {
  test('is shared at the first look', async () => {
    const servers = await activeServers(world, 3)

    await beginSweep(world).look()

    assert.deepEqual(await sharesOf(servers), [4, 4, 4])
  })

  test('is 50 connects per second by default', async () => {
    const servers = await activeServers(world, 2)
    const { fleetConnectsPerSecond: _, ...plain } = world

    await beginSweep(plain).look()

    assert.deepEqual(await sharesOf(servers), [25, 25])
  })

  test('goes to servers where connects wait, a look after the others have given it up', async () => {
    const servers = await activeServers(world, 3)
    const sweep = beginSweep(world)
    await sweep.look()
    await waitingAt(servers, 500, 0, 0)

    await sweep.look()
    assert.deepEqual(await sharesOf(servers), [4, 0.8, 0.8])

    await sweep.look()
    assert.deepEqual(await sharesOf(servers), [10.4, 0.8, 0.8])
  })

  test('is taken from a server that is gone at the same look that finds it gone', async () => {
    const servers = await activeServers(world, 3)
    const sweep = beginSweep(world)
    await sweep.look()
    const [gone, ...others] = servers
    assert.ok(gone)
    await buryExited(world.store, gone, 'exit code 137')

    await sweep.look()

    assert.deepEqual(await sharesOf(others), [6, 6])
  })

  test('is taken from a server that is silent only when it is buried', async () => {
    const servers = await activeServers(world, 3)
    const [silent, ...others] = servers
    assert.ok(silent)
    const sweep = beginSweep(world)
    await lookEverySecond(world, sweep, 9, others)
    assert.deepEqual(await sharesOf(others), [4, 4])

    await lookEverySecond(world, sweep, 3, others)

    assert.equal((await serverRow(world.store, silent.serverId)).state, 'dead')
    assert.deepEqual(await sharesOf(others), [6, 6])
  })

  test('is not written again while nothing changes', async () => {
    await activeServers(world, 3)
    let written = 0
    const store = {
      ...world.store,
      update: ((table, key, change) => {
        if (table === 'Servers') written++
        return world.store.update(table, key, change)
      }) as TestWorld['store']['update'],
    }
    const sweep = beginSweep({ ...world, store })
    await sweep.look()
    assert.equal(written, 3)

    await sweep.look()
    await sweep.look()

    assert.equal(written, 3)
  })

  test('is written once for each server when two sweeps decide at once', async () => {
    const server = await anActiveServer(world, 'web-1')

    const both = await Promise.all([
      giveConnectShare(world.store, server, 5),
      giveConnectShare(world.store, server, 7),
    ])

    assert.deepEqual(both.toSorted(), [false, true])
    assert.equal((await serverRow(world.store, server.serverId)).connectShare, both[0] ? 5 : 7)
  })

  test('is not given to a server that is gone', async () => {
    const server = await anActiveServer(world, 'web-1')
    await buryExited(world.store, server, 'exit code 1')

    assert.equal(await giveConnectShare(world.store, server, 5), false)
  })

  test('stays as it was when the sweep stops: the answer of each beat tells the last share', async () => {
    const [server] = await activeServers(world, 1)
    assert.ok(server)
    await beginSweep(world).look()
    world.clock.advance(3_600_000)

    assert.equal((await beat(world.store, world.clock, server.serverId, 0))?.connectShare, 12)
  })
})

describe('the sweep stamps its looks', () => {
  test('after the first look, and then every five seconds', async () => {
    const servers = await activeServers(world, 2)
    const sweep = beginSweep(world)
    const begun = world.clock.wallMs()
    await sweep.look()
    assert.equal(await readSweepStamp(world.store), begun)

    await lookEverySecond(world, sweep, 4, servers)
    assert.equal(await readSweepStamp(world.store), begun)

    await lookEverySecond(world, sweep, 1, servers)
    assert.equal(await readSweepStamp(world.store), begun + 5000)
  })

  test('and not while its looks fail', async () => {
    const store = cuttable(world.store)
    const sweep = beginSweep({ ...world, store })
    store.cut()

    await assert.rejects(sweep.look())

    assert.equal(await readSweepStamp(world.store), undefined)
  })
})
