/** The local service takes the place of ECS: it starts, stops and replaces servers. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { deviceId } from '../../core/ids.ts'
import { startTestFleet, type TestFleet } from './fleet-under-test.ts'
import { until } from './until.ts'

let fleet: TestFleet

before(async () => {
  fleet = await startTestFleet({ servers: 2, capacity: 3, maxServers: 3, restart: true })
})

after(async () => {
  await fleet?.close()
})

test('when no server has room, another is started, and gets the devices that waited', async () => {
  const ids = Array.from({ length: 8 }, (_, number) => deviceId(`eighth-${number}`))
  const answers = []
  for (const id of ids) answers.push(await fleet.call('POST', '/devices', { deviceId: id }))
  assert.equal(answers.filter((answer) => answer.body.status === 'unassigned').length, 2)
  assert.match(String(answers.at(-1)?.body.explanation), /room/)
  await fleet.sweepNow()
  await fleet.untilActive('server-3')
  await until('all have a server', 20_000, async () =>
    (await fleet.devices(ids)).every((row) => row.owner !== undefined),
  )
  assert.ok((await fleet.activeServers()).every((server) => server.load <= server.capacity))
})

test('a server that hangs is buried, its task is stopped, and another is started in its place', async () => {
  const ids = (await fleet.store.scan('Devices', {})).rows.map((row) => row.deviceId)
  await Promise.all(ids.map((id) => fleet.call('DELETE', `/devices/${id}`)))
  await until('room again', 20_000, async () => (await fleet.store.scan('Devices', {})).rows.length === 0)
  const linked = await fleet.linkDevices(4, 'hung')
  const hung = fleet.processOf('server-1')
  const row = await fleet.untilActive('server-1')
  hung.signal('SIGSTOP')
  const exit = await hung.exited
  assert.equal(exit.signal, 'SIGKILL')
  assert.equal((await fleet.store.get('Servers', { serverId: row.serverId }))?.state, 'dead')
  const again = await fleet.untilActive('server-1')
  assert.notEqual(again.serverId, row.serverId)
  await fleet.untilConnected(linked)
  assert.deepEqual(
    fleet.simulator.report().overlaps.filter(({ older }) => !older.startsWith(row.serverId)),
    [],
  )
})
