import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { AssignEvent } from '../../lambdas/assign.ts'
import { createAssignHandler } from '../../lambdas/assign.ts'
import {
  anActiveServer,
  embeddedTables,
  ownedCounts,
  type Tables,
  waitingDevices,
} from '../builders/builders.ts'
import { aContext, lambdaWorldOn } from './events.ts'

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables.close())

test('assign places the given devices and counts the outcomes', async () => {
  const world = lambdaWorldOn(await tables.fresh())
  const devices = await waitingDevices(world, 3)
  const server = await anActiveServer(world, 'server-1', { capacity: 2 })
  const summary = await createAssignHandler(world)({ deviceIds: [...devices, 'unknown'] }, aContext())
  assert.deepEqual(summary, { assigned: 2, no_room: 1 })
  assert.deepEqual(await ownedCounts(world.store, devices, [server]), [2])
})

test('assign twice for the same devices is harmless', async () => {
  const world = lambdaWorldOn(await tables.fresh())
  const deviceIds = await waitingDevices(world, 3)
  await anActiveServer(world, 'server-1')
  const handler = createAssignHandler(world)
  await Promise.all([handler({ deviceIds }, aContext()), handler({ deviceIds }, aContext())])
  assert.deepEqual(await handler({ deviceIds }, aContext()), { already_owned: 3 })
})

for (const event of [{}, { deviceIds: 'a' }, { deviceIds: ['../a'] }, { deviceIds: [], more: 1 }]) {
  test(`assign refuses ${JSON.stringify(event)}`, async () => {
    const world = lambdaWorldOn(await tables.fresh())
    await assert.rejects(createAssignHandler(world)(event as AssignEvent, aContext()))
  })
}
