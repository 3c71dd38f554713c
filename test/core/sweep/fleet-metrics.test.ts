import assert from 'node:assert/strict'
import { test } from 'node:test'
import { beat, drain } from '../../../core/protocol/membership.ts'
import { sweep } from '../../../core/sweep/sweep.ts'
import { anActiveServer, ownedDevices } from '../../builders/builders.ts'
import { cuttable } from '../../builders/faulty-stores.ts'
import { fresh } from '../../builders/fresh.ts'

const t = fresh()

test('a sweep measures the fleet once', async () => {
  const web1 = await anActiveServer(t.world, 'web-1', { capacity: 10 })
  const draining = await anActiveServer(t.world, 'draining')
  await ownedDevices(t.world, web1, 4)
  await drain(t.world.store, draining.serverId)
  await beat(t.world.store, t.world.clock, web1.serverId, 3)

  await t.world.clock.runUntilDone(sweep(t.world, 3000))

  const measured = t.world.emitted.filter(({ event }) => event === 'sweep.measured')
  assert.deepEqual(
    measured.map(({ measures }) => measures),
    [{ ServersActive: 1, DevicesConnected: 3, DevicesAssigned: 4, DevicesUnassigned: 0, Utilisation: 40 }],
  )
})

test('a sweep measures the fleet although its first look has failed', async () => {
  const store = cuttable(t.world.store)
  await anActiveServer(t.world, 'web-1')
  store.cut(1)

  await t.world.clock.runUntilDone(sweep({ ...t.world, store }, 3000))

  assert.equal(t.world.told('sweep.look_failed').length, 1)
  assert.equal(t.world.told('sweep.measured').length, 1)
})

test('a sweep that could not measure the fleet tries again after the next look, until it has measured', async () => {
  const store = cuttable(t.world.store)
  await anActiveServer(t.world, 'web-1')
  // The first request of the look, of the measuring, and of the search for orphans.
  store.cut(3)

  await t.world.clock.runUntilDone(sweep({ ...t.world, store }, 5000))

  assert.deepEqual(
    t.world.told('sweep.look_failed').map(({ part }) => part),
    ['look', 'measure', 'orphans'],
  )
  assert.equal(t.world.told('sweep.measured').length, 1)
})
