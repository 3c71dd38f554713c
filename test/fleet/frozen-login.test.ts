/** The one window that no lease closes: a login whose last frame is on its way while its server is frozen. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { DeviceId } from '../../core/ids.ts'
import { watchDatabase } from '../chaos/database-watch.ts'
import { freezeAmongLogins, holdLogins } from '../chaos/frozen-login.ts'
import { startVictims, type Victims } from '../chaos/victims.ts'
import { startTestFleet, type TestFleet } from './fleet-under-test.ts'

const DEVICES = 20
/** Most of the devices are logging in by then. */
const FREEZE_AFTER_MS = 250
/** The pause after a conflict is 3 s. The rest is for a permit and a login on a machine that may be busy. */
const HEALED_MS_MAX = 15_000

let fleet: TestFleet
let victims: Victims
let ids: DeviceId[]

before(async () => {
  fleet = await startTestFleet({ servers: 0, connectsPerSecond: 200 })
  victims = startVictims(fleet)
  await victims.next()
  ids = await fleet.linkDevices(DEVICES)
})

after(async () => {
  await victims?.close(() => fleet.close())
})

test('a server that is frozen while its devices log in finishes no login when it wakes', async (context) => {
  const victim = await victims.next()
  const round = await freezeAmongLogins(fleet, ids, victim, FREEZE_AFTER_MS)
  context.diagnostic(`${round.replaced} of ${round.devices} owners replaced`)
  assert.equal(round.replaced, 0)
})

test('a login that the network held up replaces the owner once, heals, and writes nothing', async (context) => {
  const watch = watchDatabase({ devices: 'Mooring-Devices', authState: 'Mooring-AuthState' }, () =>
    Date.now(),
  )
  fleet.database.onExchange((exchange) => watch.hear(exchange))
  const round = await holdLogins(fleet, ids, await victims.next())
  const slowestMs = Math.max(...round.healedAfterMs)
  context.diagnostic(`${round.replaced} of ${round.devices} owners replaced, healed within ${slowestMs} ms`)
  assert.equal(round.replaced, DEVICES)
  assert.ok(slowestMs <= HEALED_MS_MAX, `${slowestMs} ms`)
  assert.deepEqual(watch.staleAccepted, [])
  assert.deepEqual(
    round.rows.filter((row) => row.status !== 'connected' || row.conflicts?.length !== 1),
    [],
  )
})
