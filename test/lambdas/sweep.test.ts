import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createSweepHandler } from '../../lambdas/sweep.ts'
import {
  anActiveServer,
  embeddedTables,
  ownedCounts,
  ownedDevices,
  serverRow,
  type Tables,
  waitingDevices,
} from '../builders/builders.ts'
import { aContext, aScheduledEvent, keepBeating, realTimeWorldOn } from './events.ts'

/** Shorter times than a fleet may use, so that a burial takes only a second or two. */
const settings = { beatEveryMs: 400, fenceAfterMs: 1000, buryAfterMs: 1500 }

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables.close())

async function aSweptWorld() {
  return { ...realTimeWorldOn(await tables.fresh()), settings }
}

test('a sweep buries a server that has fallen silent and moves its devices', async () => {
  const world = await aSweptWorld()
  const silent = await anActiveServer(world, 'server-1')
  const devices = await ownedDevices(world, silent, 4)
  const alive = await anActiveServer(world, 'server-2')
  const over = new AbortController()
  const beating = keepBeating(world, alive, over.signal)
  await createSweepHandler(world, 4500)(aScheduledEvent(), aContext())
  over.abort()
  await beating
  assert.equal((await serverRow(world.store, silent.serverId)).state, 'dead')
  assert.equal((await serverRow(world.store, alive.serverId)).state, 'active')
  const moved = await ownedCounts(
    world.store,
    devices.map((device) => device.deviceId),
    [silent, alive],
  )
  assert.deepEqual(moved, [0, 4])
})

test('a sweep gives waiting devices a server and measures the fleet', async () => {
  const world = await aSweptWorld()
  const devices = await waitingDevices(world, 3)
  const server = await anActiveServer(world, 'server-1')
  await createSweepHandler(world, 10)(aScheduledEvent(), aContext())
  assert.deepEqual(await ownedCounts(world.store, devices, [server]), [3])
  assert.equal(world.told('sweep.measured').length, 1)
  assert.ok(world.flushes() >= 1)
})

test('a sweep ends before the time of its Lambda is over', async () => {
  const world = await aSweptWorld()
  const begun = performance.now()
  await createSweepHandler(world)(aScheduledEvent(), aContext(6000))
  assert.ok(performance.now() - begun < 5000)
})

test('a sweep ends early when it is told to', async () => {
  const world = await aSweptWorld()
  const closing = new AbortController()
  const swept = createSweepHandler(world, 60_000, closing.signal)(aScheduledEvent(), aContext(90_000))
  closing.abort()
  await swept
  assert.equal(world.told('sweep.finished').length, 1)
})
