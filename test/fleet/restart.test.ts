/** A rolling restart through the API: from the first server to the last, stopped half way, and cut short by
 *  the end. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { DeviceId } from '../../core/ids.ts'
import { listServers } from '../../core/protocol/membership.ts'
import { isLive } from '../../core/store/server-row.ts'
import { startTestFleet, type TestFleet } from './fleet-under-test.ts'
import { until } from './until.ts'

const SERVERS = 4
const DEVICES = 24
const RESTART_MS_MAX = 180_000

interface RestartAnswer {
  readonly state: string
  readonly why: string
  readonly steps: readonly {
    name: string
    phase: string
    says: string
    serverId: string
    replacedBy?: string
  }[]
}

let fleet: TestFleet
let ids: DeviceId[]

before(async () => {
  // Rebalancing might move a device that was linked late, and here each device has to move once.
  const rebalancing = { enabled: false }
  fleet = await startTestFleet({ servers: SERVERS, maxServers: SERVERS, capacity: 20, rebalancing })
  ids = await fleet.linkDevices(DEVICES)
})

after(async () => {
  await fleet?.close()
})

async function restart(): Promise<RestartAnswer> {
  const { body } = await fleet.call('GET', '/operations/restart')
  return body as unknown as RestartAnswer
}

/** Looks until the restart has ended. @returns its words meanwhile, and the most servers that drained at a
 *  time */
async function follow(): Promise<{ ended: RestartAnswer; said: string[]; drainingMost: number }> {
  const said = new Set<string>()
  let drainingMost = 0
  const ended = await until(
    'the restart ended',
    RESTART_MS_MAX,
    async () => {
      const servers = await listServers(fleet.store)
      drainingMost = Math.max(drainingMost, servers.filter(({ state }) => state === 'draining').length)
      const now = await restart()
      said.add(now.why)
      return now.state !== 'running' && now
    },
    restart,
  )
  return { ended, said: [...said], drainingMost }
}

/** How often each device was assigned. */
async function movesSince(since: string): Promise<number[]> {
  const histories = await Promise.all(
    ids.map((id) => fleet.store.query('History', { partition: id, sort: { from: since } })),
  )
  return histories.map(
    ({ rows }) => rows.filter((row) => row.kind === undefined && row.event === 'assigned').length,
  )
}

test('every server is replaced, one after another, and each device moves once', async () => {
  const serversBefore = await fleet.activeServers()
  const epochsBefore = new Map((await fleet.devices(ids)).map(({ deviceId, epoch }) => [deviceId, epoch]))
  const begun = await fleet.call('POST', '/fleet/restart')
  assert.equal(begun.status, 202, JSON.stringify(begun.body))
  const again = await fleet.call('POST', '/fleet/restart')
  assert.equal(again.status, 202)
  assert.equal(again.body.startedAt, begun.body.startedAt)

  const { ended, said, drainingMost } = await follow()

  assert.equal(ended.state, 'done', ended.why)
  assert.equal(drainingMost, 1)
  assert.ok(
    said.some((words) =>
      /^2 of 4 servers are done; the devices of server "server-3" move to server "server-\d"$/.test(words),
    ),
    said.join('\n'),
  )
  const rows = await fleet.untilConnected(ids)
  const servers = await fleet.activeServers()
  assert.deepEqual(
    servers.map(({ serverId }) => serverId).sort(),
    ended.steps.map(({ replacedBy }) => replacedBy).sort(),
  )
  assert.ok(serversBefore.every(({ serverId }) => !servers.some((server) => server.serverId === serverId)))
  assert.deepEqual(new Set(await movesSince(String(begun.body.startedAt))), new Set([1]))
  // A release and the connect after it raise the epoch by one each.
  assert.deepEqual(
    rows.filter(({ deviceId, epoch }) => epoch !== (epochsBefore.get(deviceId) ?? 0) + 2),
    [],
  )
  assert.equal(fleet.servers().length, SERVERS)
  assert.equal(await fleet.openSockets(ids), DEVICES)
  fleet.assertNeverTwoSockets()
})

test('a stopped restart finishes the server under way alone, and goes on when it is asked for again', async () => {
  await fleet.call('POST', '/fleet/restart')
  await until(
    'the first server under way',
    60_000,
    async () => (await restart()).steps[0]?.phase === 'draining',
  )
  const stop = await fleet.call('POST', '/fleet/restart/stop')
  assert.equal(stop.status, 202)
  const before = await fleet.devices(ids)
  const { ended } = await follow()

  assert.equal(ended.state, 'cancelled')
  assert.match(ended.why, /^stopped as asked after 1 of 4 servers; the service protects the others until /)
  assert.deepEqual(
    ended.steps.map(({ phase }) => phase),
    ['done', 'waiting', 'waiting', 'waiting'],
  )
  const left = new Set(ended.steps.filter(({ phase }) => phase === 'waiting').map(({ serverId }) => serverId))
  const untouched = before.filter(({ owner }) => owner && left.has(owner as never))
  assert.ok(untouched.length >= 3 * 5)
  const after = new Map((await fleet.devices(ids)).map((row) => [row.deviceId, row]))
  assert.ok(
    untouched.every(({ deviceId, owner, epoch }) => {
      const row = after.get(deviceId)
      return row?.owner === owner && row?.epoch === epoch
    }),
  )
  await fleet.untilConnected(ids)

  const refused = await fleet.call('POST', '/fleet/restart/stop')
  assert.equal(refused.status, 409)
  assert.equal(refused.body.code, 'NOT_RESTARTING')

  await fleet.call('POST', '/fleet/restart')
  const goneOn = await follow()
  assert.equal(goneOn.ended.state, 'done', goneOn.ended.why)
  await fleet.untilConnected(ids)
  const live = (await listServers(fleet.store)).filter(isLive)
  assert.ok(live.every(({ serverId }) => !left.has(serverId)))
  assert.equal(live.length, SERVERS)
  fleet.assertNeverTwoSockets()
})

test('a fleet that ends while it is restarted leaves no process behind', async () => {
  await fleet.call('POST', '/fleet/restart')
  await until('a replacement is started', 60_000, async () => fleet.servers().length > SERVERS)
  await fleet.close()
  assert.deepEqual(fleet.servers(), [])
})
