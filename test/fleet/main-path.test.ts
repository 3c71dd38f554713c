/** A fleet from its first devices to its last server. Devices are paired, a server dies, a server comes
 *  back under its name, a server leaves, and a server is drained. `npm test` runs this fleet test alone. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { DeviceId } from '../../core/ids.ts'
import { drainId, readOperation } from '../../core/operations/operations.ts'
import type { DeviceRow } from '../../core/store/device-row.ts'
import { startTestFleet, type TestFleet } from './fleet-under-test.ts'
import { until } from './until.ts'

const AT_ONCE = 5

let fleet: TestFleet
let ids: DeviceId[]

before(async () => {
  fleet = await startTestFleet({ servers: 3 })
  ids = await fleet.linkDevices(45)
})

after(async () => {
  await fleet?.close()
})

test('45 devices are spread evenly over 3 servers, and each is connected by exactly one', async () => {
  const loads = (await fleet.activeServers()).map((server) => server.load)
  assert.equal(loads.length, 3)
  // Each device goes to the better of two random servers. No spread of a million simulated draws was wider
  // than 8, and all but 2 were no wider than 6.
  assert.ok(Math.max(...loads) - Math.min(...loads) <= 6, `loads ${loads}`)
  fleet.assertNeverTwoSockets()
})

test('the devices of a killed server are open elsewhere, and its exit reached task-stopped', async () => {
  const [victim] = await fleet.activeServers()
  assert.ok(victim)
  const lost = await fleet.ownedBy(ids, victim.name)
  fleet.processOf(victim.name).signal('SIGKILL')
  const rows = await until('devices moved', 20_000, async () => {
    const moved = await fleet.devices(lost)
    return moved.every((row) => row.owner !== victim.serverId && row.status === 'connected') && moved
  })
  assert.equal(rows.length, lost.length)
  const buried = await fleet.store.get('Servers', { serverId: victim.serverId })
  assert.equal(buried?.state, 'dead')
  assert.match(buried?.stateReason ?? '', /exit code 137/)
  await fleet.untilConnected(ids)
  fleet.assertNeverTwoSockets()
})

test('a server restarted under the same SERVER_NAME gets its own devices back and no others', async () => {
  const gone = ['server-1', 'server-2', 'server-3'].find(
    (name) => !fleet.servers().some((one) => one.name === name),
  )
  assert.ok(gone)
  const away = (await fleet.devices(ids)).filter((row) => row.home?.name === gone).map((row) => row.deviceId)
  assert.ok(away.length > 0)
  const others = (await fleet.devices(ids)).filter((row) => !away.includes(row.deviceId))
  await fleet.startServer(gone)
  await fleet.untilActive(gone)
  await until('devices home', 90_000, async () => (await fleet.ownedBy(away, gone)).length === away.length)
  await fleet.untilConnected(ids)
  assert.deepEqual((await fleet.ownedBy(ids, gone)).sort(), away.sort())
  const untouched = await fleet.devices(others.map((row) => row.deviceId))
  const holds = (rows: readonly DeviceRow[]) => rows.map((row) => [row.deviceId, row.owner, row.epoch]).sort()
  assert.deepEqual(holds(untouched), holds(others))
  fleet.assertNeverTwoSockets()
})

test('a server that gets SIGTERM hands its devices over without waiting for a lease', async () => {
  const [leaver] = await fleet.activeServers()
  assert.ok(leaver)
  const handed = await fleet.ownedBy(ids, leaver.name)
  const leaving = fleet.processOf(leaver.name)
  leaving.signal('SIGTERM')
  const exit = await leaving.exited
  assert.equal(exit.code, 0)
  await fleet.untilConnected(ids)
  assert.equal((await fleet.ownedBy(handed, leaver.name)).length, 0)
  const left = await fleet.store.get('Servers', { serverId: leaver.serverId })
  assert.equal(left?.state, 'stopped')
  assert.equal(left?.stateReason, 'left')
  fleet.assertNeverTwoSockets()
})

test('a server that is drained through the API moves its devices a few at a time, and leaves', async () => {
  await fleet.startServer('server-4')
  await fleet.untilActive('server-4')
  const server = (await fleet.activeServers()).find(({ name }) => name !== 'server-4')
  assert.ok(server)
  const leaving = fleet.processOf(server.name)
  const owned = await fleet.ownedBy(ids, server.name)
  let movingMost = 0

  const begun = await fleet.call('POST', `/servers/${server.serverId}/drain`, { atOnce: AT_ONCE })
  await until('drained', 60_000, async () => {
    const drain = await readOperation(fleet.store, drainId(server.serverId))
    assert.equal(drain?.kind, 'drain')
    movingMost = Math.max(movingMost, drain.moving.length)
    return drain.state === 'done'
  })

  assert.equal(begun.status, 202, JSON.stringify(begun.body))
  assert.ok(owned.length > 0)
  assert.ok(movingMost <= AT_ONCE, `${movingMost} moved at once`)
  assert.equal((await leaving.exited).code, 0)
  assert.deepEqual(await fleet.ownedBy(ids, server.name), [])
  await fleet.untilConnected(ids)
  fleet.assertNeverTwoSockets()
})

test('a second process with the same SERVER_NAME exits and names the first', async () => {
  const [first] = await fleet.activeServers()
  assert.ok(first)
  const second = await fleet.startServer(first.name)
  const exit = await second.exited
  assert.notEqual(exit.code, 0)
  assert.match(exit.lastWords, new RegExp(`SERVER_NAME_TAKEN.*${first.serverId}`))
})

test('a second process with the same SERVER_URL exits and names the first', async () => {
  const [first] = await fleet.activeServers()
  assert.ok(first)
  const second = await fleet.startServer('other-name', {
    variables: { SERVER_URL: first.url, SERVER_PORT: '0' },
  })
  const exit = await second.exited
  assert.notEqual(exit.code, 0)
  assert.match(exit.lastWords, new RegExp(`SERVER_URL_TAKEN.*${first.serverId}`))
  await fleet.untilConnected(ids)
  fleet.assertNeverTwoSockets()
})
