import assert from 'node:assert/strict'
import { test } from 'node:test'
import { beat, drain } from '../../../core/protocol/membership.ts'
import { sweep } from '../../../core/sweep/sweep.ts'
import { anActiveServer, ownedDevices } from '../../builders/builders.ts'
import { world } from '../../builders/each-afresh.ts'

test('a sweep measures the fleet once', async () => {
  const web1 = await anActiveServer(world, 'web-1', { capacity: 10 })
  const draining = await anActiveServer(world, 'draining')
  await ownedDevices(world, web1, 4)
  await drain(world.store, draining.serverId)
  await beat(world.store, world.clock, web1.serverId, 3)

  await world.clock.runUntilDone(sweep(world, 3000))

  const measured = world.emitted.filter(({ event }) => event === 'sweep.measured')
  assert.deepEqual(
    measured.map(({ measures }) => measures),
    [{ ServersActive: 1, DevicesConnected: 3, DevicesAssigned: 4, DevicesUnassigned: 0, Utilisation: 40 }],
  )
})
