import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { serverId } from '../../../../core/ids.ts'
import { drain, setOut } from '../../../../core/protocol/membership.ts'
import { embeddedTables, type Tables } from '../../../builders/builders.ts'
import { aFleet } from './fleet-scene.ts'

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables.close())

test('servers are listed by name, dead ones included', async () => {
  const { call } = await aFleet(tables)
  const { body } = await call('GET', '/servers')
  assert.deepEqual(
    body.servers.map((server: { name: string; state: string }) => `${server.name} ${server.state}`),
    ['web-1 active', 'web-2 active', 'web-3 dead'],
  )
})

test('servers are listed by state', async () => {
  const { call } = await aFleet(tables)
  const { body } = await call('GET', '/servers?state=dead')
  assert.equal(body.servers.length, 1)
  assert.equal(body.servers[0].serverId, 'server-3')
  assert.equal(body.servers[0].stateReason, 'exit code 1')
})

test('a server is shown', async () => {
  const { call } = await aFleet(tables)
  const { body } = await call('GET', '/servers/server-1')
  assert.equal(body.name, 'web-1')
  assert.equal(body.load, 3)
  assert.equal(body.connected, 3)
  assert.equal(body.utilisation, 30)
  assert.equal(body.beat, 1)
})

test('a server that was told to end says so, with its load; a drained server keeps its own reason', async () => {
  const { world, call } = await aFleet(tables)
  await setOut(world.store, serverId('server-1'))
  await drain(world.store, serverId('server-2'), 'drained by an operator')
  await setOut(world.store, serverId('server-2'))

  const { body } = await call('GET', '/servers?state=draining')

  const [told, drained, ...others] = body.servers
  assert.equal(told.stateReason, 'told to end: its devices move, then it leaves')
  assert.equal(told.load, 3)
  assert.equal(drained.stateReason, 'drained by an operator')
  assert.equal(drained.load, 1)
  assert.deepEqual(others, [])
})
