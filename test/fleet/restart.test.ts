import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { DeviceId } from '../../core/ids.ts'
import { listServers } from '../../core/protocol/membership.ts'
import { isLive } from '../../core/store/server-row.ts'
import {
  activeServers,
  assertNeverTwoSockets,
  moor,
  openSockets,
  startTestFleet,
  type TestFleet,
  until,
  untilConnected,
} from './fleet-under-test.ts'

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
  // Devices linked one by one may be spread so wide that one moves for it, and here each has to move once.
  const rebalancing = { enabled: false }
  fleet = await startTestFleet({ servers: SERVERS, maxServers: SERVERS, capacity: 20, rebalancing })
  ids = await moor(fleet, DEVICES)
})

after(async () => {
  await fleet?.close()
})

async function restart(): Promise<RestartAnswer> {
  const { body } = await fleet.call('GET', '/operations/restart')
  return body as unknown as RestartAnswer
}

/** Looks until the restart has ended. @returns what it said meanwhile, and the most servers that drained at a time */
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

/** How often each device was given to a server. */
async function movesSince(since: string): Promise<number[]> {
  const histories = await Promise.all(
    ids.map((id) => fleet.store.query('History', { partition: id, sort: { from: since } })),
  )
  return histories.map(
    ({ rows }) => rows.filter((row) => row.kind === undefined && row.event === 'assigned').length,
  )
}

test('every server is replaced, one after another, and each device moves once', async () => {
  const serversBefore = await activeServers(fleet)
  const epochsBefore = new Map((await fleet.devices(ids)).map(({ deviceId, epoch }) => [deviceId, epoch]))
  const begun = await fleet.call('POST', '/fleet/restart')
  assert.equal(begun.status, 202, JSON.stringify(begun.body))
  const again = await fleet.call('POST', '/fleet/restart')
  assert.deepEqual([again.status, again.body.startedAt], [202, begun.body.startedAt])

  const { ended, said, drainingMost } = await follow()

  assert.equal(ended.state, 'done', ended.why)
  assert.equal(drainingMost, 1)
  assert.ok(
    said.some((words) => /^2 of 4 servers are done; the devices of server-3 move to server-\d$/.test(words)),
    said.join('\n'),
  )
  const rows = await untilConnected(fleet, ids)
  const servers = await activeServers(fleet)
  assert.deepEqual(
    servers.map(({ serverId }) => serverId).sort(),
    ended.steps.map(({ replacedBy }) => replacedBy).sort(),
  )
  assert.ok(serversBefore.every(({ serverId }) => !servers.some((server) => server.serverId === serverId)))
  assert.deepEqual(new Set(await movesSince(String(begun.body.startedAt))), new Set([1]))
  // The release and the connect that follows.
  assert.deepEqual(
    rows.filter(({ deviceId, epoch }) => epoch !== (epochsBefore.get(deviceId) ?? 0) + 2),
    [],
  )
  assert.equal(fleet.servers().length, SERVERS)
  assert.equal(await openSockets(fleet, ids), DEVICES)
  assertNeverTwoSockets(fleet)
})

test('a restart that is stopped finishes the server under way and touches no other; asked for again, it goes on', async () => {
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
  assert.match(ended.why, /^stopped as asked after 1 of 4 servers; the service spares the others until /)
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
  await untilConnected(fleet, ids)

  const refused = await fleet.call('POST', '/fleet/restart/stop')
  assert.deepEqual([refused.status, refused.body.code], [409, 'NOT_RESTARTING'])

  await fleet.call('POST', '/fleet/restart')
  const goneOn = await follow()
  assert.equal(goneOn.ended.state, 'done', goneOn.ended.why)
  await untilConnected(fleet, ids)
  const live = (await listServers(fleet.store)).filter(isLive)
  assert.ok(live.every(({ serverId }) => !left.has(serverId)))
  assert.equal(live.length, SERVERS)
  assertNeverTwoSockets(fleet)
})

test('a fleet that ends while it is restarted leaves no process behind', async () => {
  await fleet.call('POST', '/fleet/restart')
  await until('a replacement is started', 60_000, async () => fleet.servers().length > SERVERS)
  await fleet.close()
  assert.deepEqual(fleet.servers(), [])
})
