import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createLease } from '../../../core/protocol/lease.ts'
import { bury } from '../../../core/protocol/membership.ts'
import { DEFAULT_SETTINGS } from '../../../core/settings.ts'
import type { ServerRow } from '../../../core/store/server-row.ts'
import type { Store } from '../../../core/store/store.ts'
import { type HeartbeatEvents, keepBeating } from '../../../hosts/server/heartbeat.ts'
import type { HostWorld } from '../../../hosts/world.ts'
import {
  anActiveServer,
  aWorld,
  embeddedTables,
  serverRow,
  type Tables,
  type TestWorld,
} from '../../builders/builders.ts'
import { cuttable } from '../../builders/faulty-stores.ts'

let tables: Tables

before(async () => {
  tables = await embeddedTables()
})

after(() => tables.close())

/** The heartbeat of a server alone, on the test's clock. */
async function aHeart(wrap: (store: Store, world: TestWorld) => Store) {
  const world = await aWorld(tables)
  const server = await anActiveServer(world, 'web-1')
  const lease = createLease(world.clock, DEFAULT_SETTINGS)
  const stop = new AbortController()
  const happened = {
    acknowledged: Promise.withResolvers<ServerRow>(),
    fenced: Promise.withResolvers<void>(),
    refused: Promise.withResolvers<void>(),
  }
  const events: HeartbeatEvents = {
    connected: () => 7,
    waiting: () => 3,
    acknowledged: (row) => happened.acknowledged.resolve(row),
    fenced: () => happened.fenced.resolve(),
    refused: () => happened.refused.resolve(),
  }
  const hostWorld = { ...world, beatStore: wrap(world.store, world) } as unknown as HostWorld
  const beating = keepBeating(hostWorld, server.serverId, lease, events, stop.signal)
  return { world, server, lease, happened, beating, stop }
}

test('a beat tells how many devices are connected, and how many connects wait for their turn', async () => {
  const heart = await aHeart((store) => store)
  const { connected, waiting } = await heart.happened.acknowledged.promise
  assert.equal(connected, 7)
  assert.equal(waiting, 3)
  heart.stop.abort()
  await heart.beating
})

test('the lease counts from when the beat was sent, however late its answer comes', async () => {
  const answersLate = (store: Store, { clock }: TestWorld): Store => ({
    ...store,
    async update(table, key, change) {
      const answer = await store.update(table, key, change)
      clock.advance(1400)
      return answer
    },
  })
  const heart = await aHeart(answersLate)
  await heart.happened.acknowledged.promise
  assert.equal(heart.lease.remainingMs(), DEFAULT_SETTINGS.fenceAfterMs - 1400)
  heart.stop.abort()
  await heart.beating
})

test('a server that cannot reach the store is fenced 8 s after the send of its last acknowledged beat', async () => {
  const beatStores: ReturnType<typeof cuttable>[] = []
  const heart = await aHeart((store) => {
    beatStores.push(cuttable(store))
    return beatStores[0] ?? store
  })
  const sentAt = heart.world.clock.mark()
  await heart.happened.acknowledged.promise
  beatStores[0]?.cut()
  await heart.world.clock.runUntilDone(heart.happened.fenced.promise)
  assert.equal(heart.world.clock.elapsedMs(sentAt), DEFAULT_SETTINGS.fenceAfterMs)
  assert.equal(heart.lease.isValid(), false)
  heart.stop.abort()
  await heart.beating
})

test('a server that was buried learns it from its next beat, and its lease is over at once', async () => {
  const heart = await aHeart((store) => store)
  await heart.happened.acknowledged.promise
  await bury(heart.world.store, await serverRow(heart.world.store, heart.server.serverId))
  await heart.world.clock.runUntilDone(heart.happened.refused.promise)
  assert.equal(heart.lease.isValid(), false)
  await heart.beating
})
