/** Every server of a fleet is drained, as for new machines. MOORING_DRAIN_DEVICES=40 makes it smaller. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { DeviceId } from '../../core/ids.ts'
import { drainId, readOperation } from '../../core/operations/operations.ts'
import type { ServerRow } from '../../core/store/server-row.ts'
import { startTestFleet, type TestFleet } from './fleet-under-test.ts'
import { keepTexting } from './texting.ts'
import { until } from './until.ts'

const DEVICES = Number(process.env.MOORING_DRAIN_DEVICES ?? 200)
const SERVERS = 4
const AT_ONCE = 4
/** Three servers have room for all devices, and for one wave more. */
const CAPACITY = Math.ceil(DEVICES / (SERVERS - 1)) + AT_ONCE
/** This many devices get a text every half second. */
const TEXTED_EACH_TIME = 10
const MS_EACH_MAX = 3000

let fleet: TestFleet
let ids: DeviceId[]

before(async () => {
  fleet = await startTestFleet({ servers: SERVERS, capacity: CAPACITY, restart: true })
  ids = await fleet.linkDevices(DEVICES)
})

after(async () => {
  await fleet?.close()
})

/** Drains the server, and waits until it has left and another has joined under its name. */
async function drain({ serverId, name }: ServerRow) {
  const begunAt = performance.now()
  const begun = await fleet.call('POST', `/servers/${serverId}/drain`, { atOnce: AT_ONCE })
  assert.equal(begun.status, 202, JSON.stringify(begun.body))
  let withoutSocketMost = 0
  const ended = await until(`${name} drained`, 30_000 + DEVICES * MS_EACH_MAX, async () => {
    const apart = (await fleet.devices(ids)).filter(({ status }) => status !== 'connected')
    withoutSocketMost = Math.max(withoutSocketMost, apart.length)
    const operation = await readOperation(fleet.store, drainId(serverId))
    return operation?.kind === 'drain' && operation.state !== 'running' && operation
  })
  const seconds = Math.round((performance.now() - begunAt) / 100) / 10
  assert.equal(ended.state, 'done')
  await until(`${name} left`, 20_000, async () => {
    return (await fleet.store.get('Servers', { serverId }))?.state === 'stopped'
  })
  await fleet.untilActive(name)
  return { withoutSocketMost, seconds }
}

test(`${SERVERS} servers with ${DEVICES} devices, drained one by one under messages, lose none of them`, async (t) => {
  const servers = await fleet.activeServers()
  const stopTexting = keepTexting(fleet, ids, TEXTED_EACH_TIME)

  for (const server of servers) {
    const devices = (await fleet.ownedBy(ids, server.name)).length
    const { withoutSocketMost, seconds } = await drain(server)
    t.diagnostic(
      `${server.name}: ${devices} devices in ${seconds} s, at most ${withoutSocketMost} without a socket`,
    )
    assert.ok(devices > 0)
    assert.ok(withoutSocketMost <= AT_ONCE, `${withoutSocketMost} without a socket`)
    assert.equal((await fleet.store.get('Servers', { serverId: server.serverId }))?.load, 0)
  }
  const written = await stopTexting()

  await fleet.untilConnected(ids)
  await until('every text received', 30_000, async () =>
    fleet.simulator.accounts().every(({ queued }) => queued === 0),
  )
  const { conflicts, messages } = fleet.simulator.report()
  t.diagnostic(`${written} texts; ${JSON.stringify(conflicts)}; ${JSON.stringify(messages)}`)
  assert.ok(written >= DEVICES)
  assert.equal(messages.nacked, 0)
  assert.deepEqual(conflicts, { overlap: 0, foreign: 0 })
  fleet.assertNeverTwoSockets()
})
