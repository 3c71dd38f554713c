/** Scaling: a full fleet gets a server, and an idle server is drained and stopped. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type DeviceId, deviceId } from '../../core/ids.ts'
import { listServers } from '../../core/protocol/membership.ts'
import { isLive } from '../../core/store/server-row.ts'
import { startTestFleet, type TestFleet } from './fleet-under-test.ts'
import { until } from './until.ts'

const CAPACITY = 4

let fleet: TestFleet
let ids: DeviceId[]

before(async () => {
  const scaleCoolDownSeconds = { out: 1, in: 1 }
  fleet = await startTestFleet({ servers: 1, maxServers: 2, capacity: CAPACITY, scaleCoolDownSeconds })
  ids = await fleet.linkDevices(CAPACITY)
})

after(async () => {
  await fleet?.close()
})

test('a full fleet grows by a server', async () => {
  const fifth = deviceId('fifth')
  await fleet.call('POST', '/devices', { deviceId: fifth })
  await fleet.sweepNow()
  await fleet.untilActive('server-2')
  await until('the fifth device has a server', 20_000, async () => (await fleet.devices([fifth]))[0]?.owner)
})

test('a fleet grows no further than its maximum', async () => {
  for (let number = 1; number <= CAPACITY; number++) {
    await fleet.call('POST', '/devices', { deviceId: `more-${number}` })
  }
  await fleet.sweepNow()
  await until('the service to be full', 20_000, async () => {
    const log = readFileSync(join(fleet.logDir, 'control-plane.log'), 'utf8')
    return log.includes('service.full')
  })
  const [last] = await fleet.devices([deviceId(`more-${CAPACITY}`)])
  assert.equal(last?.owner, undefined)
  assert.equal(fleet.servers().length, 2)
})

test('an idle server is drained and stopped, its devices are connected elsewhere, and the minimum stays', async () => {
  const kept = ids.slice(0, 2)
  const { rows } = await fleet.store.scan('Devices', {})
  const gone = rows.map((row) => row.deviceId).filter((id) => !kept.includes(id))
  for (const id of gone) await fleet.call('DELETE', `/devices/${id}`)
  await until('room', 20_000, async () => (await fleet.devices(gone)).length === 0)

  await until('one server drains', 60_000, async () => {
    await fleet.sweepNow()
    await new Promise((resolve) => setTimeout(resolve, 3000))
    return (await fleet.activeServers()).length === 1
  })
  await until('one server left', 90_000, async () => {
    await fleet.sweepNow()
    await new Promise((resolve) => setTimeout(resolve, 5000))
    return fleet.servers().length === 1
  })

  const [left] = (await listServers(fleet.store)).filter(isLive)
  assert.equal(left?.state, 'active')
  const connected = await fleet.untilConnected(kept)
  assert.ok(connected.every(({ owner }) => owner === left?.serverId))
  await fleet.sweepNow()
  await new Promise((resolve) => setTimeout(resolve, 5000))
  assert.equal((await fleet.activeServers()).length, 1)
  fleet.assertNeverTwoSockets()
})
