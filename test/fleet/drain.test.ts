/** Drains, reassignments and evictions through the API, while contacts write. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { DeviceId } from '../../core/ids.ts'
import { drainId, readOperation } from '../../core/operations/operations.ts'
import type { Drain } from '../../core/store/operation-row.ts'
import type { ServerRow } from '../../core/store/server-row.ts'
import { startTestFleet, type TestFleet } from './fleet-under-test.ts'
import { keepTexting } from './texting.ts'
import { until } from './until.ts'

const AT_ONCE = 4
const DEVICES = 24

let fleet: TestFleet
let ids: DeviceId[]

before(async () => {
  // Rebalancing would give a device to a server that joins, and these tests count moves.
  fleet = await startTestFleet({ servers: 3, capacity: 40, rebalancing: { enabled: false } })
  ids = await fleet.linkDevices(DEVICES)
})

after(async () => {
  await fleet?.close()
})

async function aServer(): Promise<ServerRow> {
  const [server] = await fleet.activeServers()
  assert.ok(server)
  return server
}

async function drainOf(server: ServerRow): Promise<Drain> {
  const row = await readOperation(fleet.store, drainId(server.serverId))
  assert.equal(row?.kind, 'drain')
  return row
}

function untilEnded(operationId: unknown, limitMs = 60_000) {
  return until(`operation ${operationId} ended`, limitMs, async () => {
    const { body } = await fleet.call('GET', `/operations/${operationId}`)
    return body.state !== 'running' && body
  })
}

test('a dry run of a drain tells what would move where and for how long, and does nothing', async () => {
  const server = await aServer()
  const owned = await fleet.ownedBy(ids, server.name)

  const { status, body } = await fleet.call('POST', `/servers/${server.serverId}/drain?dryRun=true`, {
    atOnce: AT_ONCE,
  })

  assert.equal(status, 200, JSON.stringify(body))
  assert.equal(body.devices, owned.length)
  assert.equal(body.waves, Math.ceil(owned.length / AT_ONCE))
  assert.deepEqual(body.withoutRoom, [])
  assert.ok(Number(body.seconds) > 0)
  assert.equal((await fleet.serverRow(server.name))?.state, 'active')
  assert.deepEqual((await fleet.ownedBy(ids, server.name)).toSorted(), owned.toSorted())
})

test('a device is reassigned to a named server, and the operation is read until it is done', async () => {
  const [from, to] = await fleet.activeServers()
  assert.ok(from && to)
  const [id] = await fleet.ownedBy(ids, from.name)

  const { status, body } = await fleet.call('POST', `/devices/${id}/reassign`, { serverId: to.serverId })
  const { operationId } = body.operation as { operationId: string }
  const ended = await untilEnded(operationId)

  assert.equal(status, 202)
  assert.equal(ended.state, 'done')
  assert.equal(ended.why, `it is on server "${to.name}", connected`)
  assert.ok((await fleet.ownedBy(ids, to.name)).includes(id as DeviceId))
  // The sweep stores the end, because a later move of the device must not change it.
  await until('the end in the row', 10_000, async () => {
    return (await readOperation(fleet.store, operationId))?.state === 'done'
  })
  fleet.assertNeverTwoSockets()
})

test('a server that beats is not evicted, and the refusal tells when it beat last', async () => {
  const server = await aServer()

  const { status, body } = await fleet.call('POST', `/servers/${server.serverId}/evict`)

  assert.equal(status, 409)
  assert.equal(body.code, 'SERVER_STILL_BEATING')
  assert.match(
    String(body.message),
    new RegExp(
      `^server "${server.name}" beat \\d+\\.\\d s ago; evict it after it has been silent for 11 s, or pass stopTask$`,
    ),
  )
})

test('a drained server moves its devices a few at a time, under messages, and leaves', async () => {
  const server = await aServer()
  const leaving = fleet.processOf(server.name)
  const [moving] = await fleet.ownedBy(ids, server.name)
  const stopTexting = keepTexting(fleet, ids)
  const underWay: number[] = []
  const apart: number[] = []

  const begun = await fleet.call('POST', `/servers/${server.serverId}/drain`, { atOnce: AT_ONCE })
  const again = await fleet.call('POST', `/servers/${server.serverId}/drain`, { atOnce: 1 })
  await until('drained', 60_000, async () => {
    const { state, moving } = await drainOf(server)
    underWay.push(moving.length)
    apart.push((await fleet.devices(ids)).filter((row) => row.status !== 'connected').length)
    return state !== 'running'
  })
  await stopTexting()

  assert.equal(begun.status, 202, JSON.stringify(begun.body))
  assert.equal(again.status, 202)
  assert.equal(again.body.atOnce, AT_ONCE)
  assert.equal((await drainOf(server)).state, 'done')
  assert.ok(Math.max(...underWay) <= AT_ONCE && Math.max(...underWay) > 0, `under way ${underWay}`)
  assert.ok(Math.max(...apart) <= AT_ONCE, `without a socket ${apart}`)
  assert.equal((await leaving.exited).code, 0)
  assert.equal((await fleet.store.get('Servers', { serverId: server.serverId }))?.state, 'stopped')
  await fleet.untilConnected(ids)
  await until('received', 20_000, async () => fleet.simulator.accounts().every((one) => one.queued === 0))
  const { body } = await fleet.call('GET', `/devices/${moving}/history`)
  const reasons = (body.history as { why: string }[]).map(({ why }) => why)
  assert.ok(reasons.includes('asked to move: its server is drained'), reasons.join('\n'))
  assert.ok(reasons.includes('moved: its server is drained'), reasons.join('\n'))
  fleet.assertNeverTwoSockets()
})

test('a dry run after a drain predicts by the moves that were measured', async () => {
  const server = await aServer()

  const basis = await until('measured moves', 20_000, async () => {
    const { body } = await fleet.call('POST', `/servers/${server.serverId}/drain?dryRun=true`)
    const said = body.basis as { from: string; secondsPerMove: number; movesMeasured: number }
    return said.from === 'measured' && said
  })

  assert.ok(basis.secondsPerMove > 0 && basis.secondsPerMove < 10, JSON.stringify(basis))
})

test('a drain that is cancelled half way leaves the other devices, and the server takes devices again', async () => {
  await fleet.startServer('server-4')
  await fleet.untilActive('server-4')
  const server = (await fleet.activeServers()).find(({ name }) => name !== 'server-4')
  assert.ok(server)
  const before = await fleet.ownedBy(ids, server.name)

  await fleet.call('POST', `/servers/${server.serverId}/drain`, { atOnce: 1 })
  await until('some have moved', 30_000, async () => (await drainOf(server)).moved >= 2)
  const cancelled = await fleet.call('DELETE', `/servers/${server.serverId}/drain`)
  await fleet.untilConnected(ids)
  const after = await fleet.ownedBy(ids, server.name)

  assert.equal(cancelled.status, 200, JSON.stringify(cancelled.body))
  assert.equal(cancelled.body.state, 'active')
  assert.equal((await drainOf(server)).state, 'cancelled')
  assert.ok(after.length > 0 && after.length <= before.length - 2, `${before.length}, then ${after.length}`)
  assert.deepEqual(
    (await fleet.devices(ids)).filter((row) => row.moveTo !== undefined),
    [],
  )
  const repeated = await fleet.call('DELETE', `/servers/${server.serverId}/drain`)
  assert.equal(repeated.status, 409)
  assert.equal(repeated.body.code, 'NOT_DRAINING')
  fleet.assertNeverTwoSockets()
})

test('evict with stopTask ends the task, and its devices are open elsewhere', async () => {
  const server = await aServer()
  const stopped = fleet.processOf(server.name)
  const owned = await fleet.ownedBy(ids, server.name)

  const { status, body } = await fleet.call('POST', `/servers/${server.serverId}/evict`, { stopTask: true })
  await stopped.exited
  await fleet.untilConnected(ids)
  const late = await fleet.call('POST', `/servers/${server.serverId}/evict`)

  assert.equal(status, 202, JSON.stringify(body))
  assert.ok(owned.length > 0)
  assert.deepEqual(await fleet.ownedBy(owned, server.name), [])
  assert.equal(late.status, 200)
  assert.equal(late.body.evicted, 0)
  fleet.assertNeverTwoSockets()
})
