/** A device that ends its server only after it has been well for a while: at each message of one contact, for one. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { deviceId } from '../../core/ids.ts'
import type { ServerExit, ServerProcess } from '../../local/server-process.ts'
import { moor, startTestFleet, type TestFleet } from './fleet-under-test.ts'

const LOOKED_AT_FOR_MS = 130_000

let fleet: TestFleet
const exits: ServerExit[] = []
before(async () => {
  fleet = await startTestFleet({
    servers: 3,
    restart: true,
    serverVariables: {
      NODE_OPTIONS: `--import=${new URL('./late-poison-module.ts', import.meta.url).href}`,
      POISONED_DEVICE: 'poison-1',
      POISON_AFTER_MS: '12000',
    },
    onServerExit: (_: ServerProcess, exit) => exits.push(exit),
  })
})
after(() => fleet?.close())

test('costs at most three servers, and no innocent device is quarantined', {
  timeout: 300_000,
}, async (context) => {
  const others = await moor(fleet, 6)
  await moor(fleet, 1, 'poison')
  const begun = performance.now()
  while (performance.now() - begun < LOOKED_AT_FOR_MS) {
    await new Promise((resolve) => setTimeout(resolve, 1000))
    if ((await fleet.devices([deviceId('poison-1')]))[0]?.quarantinedAt !== undefined) break
  }
  const [poison] = await fleet.devices([deviceId('poison-1')])
  context.diagnostic(`${exits.length} servers ended; points ${poison?.suspicion}`)
  assert.ok(exits.length <= 3, `${exits.length} servers ended, points ${poison?.suspicion}`)
  assert.notEqual(poison?.quarantinedAt, undefined)
  const rows = await fleet.devices(others)
  assert.deepEqual(
    rows.filter(({ quarantinedAt }) => quarantinedAt !== undefined),
    [],
  )
})
