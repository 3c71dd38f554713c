/** Requests that come while a device connects: a stop, a logout and a deletion. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { deviceId } from '../../core/ids.ts'
import { startTestFleet, type TestFleet } from './fleet-under-test.ts'
import { until } from './until.ts'

let fleet: TestFleet

before(async () => {
  fleet = await startTestFleet({ servers: 2 })
})

after(async () => {
  await fleet?.close()
})

/** A request this long after a restart falls into a connect: before the permit, before the login, or around
 *  it. */
const AFTER_MS = [0, 10, 20, 40, 60, 80, 120, 160]

test('a device stopped while a connect is under way ends without a socket', async () => {
  const ids = await fleet.linkDevices(AFTER_MS.length, 'stopped')
  await Promise.all(
    ids.map(async (id, number) => {
      await fleet.call('POST', `/devices/${id}/restart`)
      await new Promise((resolve) => setTimeout(resolve, AFTER_MS[number]))
      assert.equal((await fleet.call('POST', `/devices/${id}/stop`)).status, 202)
    }),
  )
  await until('all stopped', 20_000, async () => {
    const rows = await fleet.devices(ids)
    return rows.every((row) => row.status === 'stopped' && row.owner === undefined)
  })
  assert.equal(await fleet.openSockets(ids), 0)
  await Promise.all(ids.map((id) => fleet.call('POST', `/devices/${id}/start`)))
  await fleet.untilConnected(ids)
})

test('a device logged out while a connect is under way ends without a socket and without its account', async () => {
  const ids = await fleet.linkDevices(AFTER_MS.length, 'logged-out')
  const before = await fleet.devices(ids)
  await Promise.all(
    ids.map(async (id, number) => {
      await fleet.call('POST', `/devices/${id}/restart`)
      await new Promise((resolve) => setTimeout(resolve, AFTER_MS[number]))
      assert.equal((await fleet.call('POST', `/devices/${id}/logout`)).status, 202)
    }),
  )
  const rows = await until('all logged out', 20_000, async () => {
    const now = await fleet.devices(ids)
    return now.every((row) => row.status === 'logged_out' && row.owner === undefined) && now
  })
  const open = new Set(
    fleet.simulator
      .accounts()
      .filter((one) => one.connectedTo)
      .map((one) => one.jid),
  )
  assert.deepEqual(
    before.filter((row) => open.has(row.account?.jid ?? '')),
    [],
  )
  const credentialsOf = new Map(before.map((row) => [row.deviceId, row.credentialsId]))
  assert.deepEqual(
    rows.filter((row) => row.credentialsId === credentialsOf.get(row.deviceId)),
    [],
  )
})

test('a device deleted while a connect is under way ends without a socket and leaves nothing', async () => {
  const ids = await fleet.linkDevices(AFTER_MS.length, 'deleted')
  const jids = new Set((await fleet.devices(ids)).map((row) => row.account?.jid))
  await Promise.all(
    ids.map(async (id, number) => {
      await fleet.call('POST', `/devices/${id}/restart`)
      await new Promise((resolve) => setTimeout(resolve, AFTER_MS[number]))
      await fleet.call('DELETE', `/devices/${id}`)
    }),
  )
  await until('all gone', 20_000, async () => (await fleet.devices(ids)).length === 0)
  assert.deepEqual(
    fleet.simulator.accounts().filter((one) => jids.has(one.jid) && one.connectedTo),
    [],
  )
  const left = await Promise.all(ids.map((id) => fleet.store.query('AuthState', { partition: deviceId(id) })))
  assert.deepEqual(
    left.flatMap((page) => page.rows),
    [],
  )
})

test('no device ever had two sockets in these tests', () => {
  const { overlaps, conflicts } = fleet.simulator.report()
  assert.deepEqual(overlaps, [])
  assert.equal(conflicts.overlap, 0)
})
