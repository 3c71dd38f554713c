import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { rebalance } from '../../../../core/balance/rebalance.ts'
import { listServers } from '../../../../core/protocol/membership.ts'
import {
  activeServers,
  anActiveServer,
  deviceRow,
  embeddedTables,
  ownedDevices,
  serverRow,
  type Tables,
} from '../../../builders/builders.ts'
import { anApi, type TestLambdaWorld } from '../../events.ts'

const KEY = 'abcdef0123456789'

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables.close())

/** A server with 10 connected devices of 20, and one without any. */
async function aFleet() {
  const api = await anApi(tables)
  const full = await anActiveServer(api.world, 'full', { capacity: 20 })
  const devices = await ownedDevices(api.world, full, 10)
  for (const { deviceId } of devices) {
    await api.world.store.update('Devices', { deviceId }, { set: { status: 'connected' }, when: [] })
  }
  await anActiveServer(api.world, 'empty', { capacity: 20 })
  const asked = async () => {
    const rows = await Promise.all(devices.map(({ deviceId }) => deviceRow(api.world.store, deviceId)))
    return rows.filter(({ moveTo }) => moveTo !== undefined).length
  }
  return { ...api, full, asked }
}

async function sweepLooks(world: TestLambdaWorld): Promise<void> {
  const servers = await listServers(world.store)
  await rebalance(world, { servers, braking: false, quiet: [], waiting: 0, nothingToMoveSince: new Map() })
}

test('the fleet shows the state of rebalancing, in numbers and in words', async () => {
  const { world, call } = await aFleet()
  const before = (await call('GET', '/fleet')).body.rebalancing
  assert.deepEqual(before, {
    state: 'waiting',
    why: 'no sweep has looked yet',
    spreadPercent: 50,
    bandPercent: 10,
    movedInWindow: 0,
    inFlight: 0,
  })
  await sweepLooks(world)
  const moving = (await call('GET', '/fleet')).body.rebalancing
  assert.deepEqual(moving, {
    state: 'moving',
    why: 'devices move from the fullest servers to the emptiest',
    spreadPercent: 50,
    bandPercent: 10,
    movedInWindow: 1,
    budgetInWindow: 1,
    inFlight: 1,
  })
})

test('a fleet whose servers are even says so', async () => {
  const { world, call } = await anApi(tables)
  await activeServers(world, 2)
  await sweepLooks(world)
  const { state, why } = (await call('GET', '/fleet')).body.rebalancing
  assert.equal(state, 'balanced')
  assert.equal(why, 'the servers are about equally full')
})

test('rebalancing is paused by a key of scope operate, and the answer names the key and the time', async () => {
  const { world, call, asked } = await aFleet()
  const answer = await call('POST', '/fleet/rebalancing', { scope: 'operate', body: { paused: true } })
  const since = new Date(world.clock.wallMs()).toISOString()
  assert.equal(answer.status, 200)
  assert.equal(answer.body.state, 'paused')
  assert.deepEqual(answer.body.paused, { by: KEY, since })
  await sweepLooks(world)
  assert.equal(await asked(), 0)
  const shown = (await call('GET', '/fleet')).body.rebalancing
  assert.equal(shown.why, `paused with key ${KEY} at ${since}`)
})

test('a repeated pause leaves the first one as it was', async () => {
  const { world, call } = await aFleet()
  const first = await call('POST', '/fleet/rebalancing', { body: { paused: true } })
  world.clock.advance(60_000)
  const second = await call('POST', '/fleet/rebalancing', { body: { paused: true } })
  assert.deepEqual(second.body, first.body)
  assert.equal(world.told('rebalancing.changed').length, 1)
})

test('a pause takes back the surplus that servers were offered', async () => {
  const { world, call, full } = await aFleet()
  await sweepLooks(world)
  assert.equal((await serverRow(world.store, full.serverId)).surplus, 4)
  await call('POST', '/fleet/rebalancing', { body: { paused: true } })
  assert.equal((await serverRow(world.store, full.serverId)).surplus, undefined)
})

test('rebalancing goes on after the pause', async () => {
  const { world, call, asked } = await aFleet()
  await call('POST', '/fleet/rebalancing', { body: { paused: true } })
  await sweepLooks(world)
  const answer = await call('POST', '/fleet/rebalancing', { body: { paused: false } })
  assert.equal(answer.body.state, 'waiting')
  assert.equal(answer.body.paused, undefined)
  await sweepLooks(world)
  assert.equal(await asked(), 1)
})

test('a body without `paused`, or with anything else, is refused', async () => {
  const { call } = await anApi(tables)
  for (const body of [{}, { paused: 'yes' }, { paused: true, for: 60 }]) {
    const answer = await call('POST', '/fleet/rebalancing', { body })
    assert.equal(answer.status, 400)
    assert.equal(answer.body.code, 'BAD_REQUEST')
  }
})
