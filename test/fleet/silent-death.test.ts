/** A server dies and `task-stopped` is not told. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { DEFAULT_SETTINGS } from '../../core/settings.ts'
import { startTestFleet, type TestFleet } from './fleet-under-test.ts'
import { until } from './until.ts'

let fleet: TestFleet

before(async () => {
  fleet = await startTestFleet({ servers: 2, tellTaskStopped: false })
})

after(async () => {
  await fleet?.close()
})

test('a death that no event tells of costs a lease and 3 s: the sweep alone moves the devices', async (context) => {
  const ids = await fleet.linkDevices(9)
  const [victim] = await fleet.activeServers()
  assert.ok(victim)
  const lost = await fleet.ownedBy(ids, victim.name)
  assert.ok(lost.length > 0)
  const killedAt = performance.now()
  fleet.processOf(victim.name).signal('SIGKILL')
  await until('devices open elsewhere', DEFAULT_SETTINGS.buryAfterMs + 3000, async () => {
    const rows = await fleet.devices(lost)
    return rows.every((row) => row.owner !== victim.serverId && row.status === 'connected')
  })
  context.diagnostic(
    `${lost.length} devices open elsewhere after ${Math.round(performance.now() - killedAt)} ms`,
  )
  const buried = await fleet.store.get('Servers', { serverId: victim.serverId })
  assert.equal(buried?.state, 'dead')
  assert.match(buried?.stateReason ?? '', /silent since beat/)
  await fleet.untilConnected(ids)
  fleet.assertNeverTwoSockets()
})
