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

test('the fleet tells how its rebalancing stands, in numbers and in words', async () => {
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
  assert.deepEqual([state, why], ['balanced', 'the servers are about equally full'])
})

test('rebalancing is paused by a key that may operate, and it is told which one and since when', async () => {
  const { world, call, asked } = await aFleet()
  const answer = await call('POST', '/fleet/rebalancing', { scope: 'operate', body: { paused: true } })
  const since = new Date(world.clock.wallMs()).toISOString()
  assert.equal(answer.status, 200)
  assert.deepEqual([answer.body.state, answer.body.paused], ['paused', { by: KEY, since }])
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

test('a pause takes back what servers were told that they may move for free', async () => {
  const { world, call, full } = await aFleet()
  await sweepLooks(world)
  assert.equal((await serverRow(world.store, full.serverId)).surplus, 4)
  await call('POST', '/fleet/rebalancing', { body: { paused: true } })
  assert.equal((await serverRow(world.store, full.serverId)).surplus, undefined)
})

test('rebalancing goes on when the pause is over', async () => {
  const { world, call, asked } = await aFleet()
  await call('POST', '/fleet/rebalancing', { body: { paused: true } })
  await sweepLooks(world)
  const answer = await call('POST', '/fleet/rebalancing', { body: { paused: false } })
  assert.deepEqual([answer.body.state, answer.body.paused], ['waiting', undefined])
  await sweepLooks(world)
  assert.equal(await asked(), 1)
})

test('a pause needs to be said in so many words', async () => {
  const { call } = await anApi(tables)
  for (const body of [{}, { paused: 'yes' }, { paused: true, for: 60 }]) {
    const answer = await call('POST', '/fleet/rebalancing', { body })
    assert.deepEqual([answer.status, answer.body.code], [400, 'BAD_REQUEST'])
  }
})
