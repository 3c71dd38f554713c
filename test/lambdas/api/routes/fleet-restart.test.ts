import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import * as build from '../../../builders/builders.ts'
import { embeddedTables, type Tables } from '../../../builders/builders.ts'
import { anApi } from '../../events.ts'

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables.close())

test('a restart is begun once, and its operation lists the servers in the order of their turns', async () => {
  const api = await anApi(tables)
  await build.anActiveServer(api.world, 'web-10')
  await build.anActiveServer(api.world, 'web-2')
  const begun = await api.call('POST', '/fleet/restart')
  const again = await api.call('POST', '/fleet/restart')
  assert.equal(begun.status, 202)
  assert.equal(again.status, 202)
  assert.deepEqual(begun.body, again.body)
  const { body } = await api.call('GET', '/operations/restart')
  assert.deepEqual(body.steps, [
    { serverId: 'web-2', name: 'web-2', phase: 'waiting', says: 'server "web-2" waits for its turn' },
    { serverId: 'web-10', name: 'web-10', phase: 'waiting', says: 'server "web-10" waits for its turn' },
  ])
})

test('a running restart is stopped; without one the stop is refused', async () => {
  const api = await anApi(tables)
  const refused = await api.call('POST', '/fleet/restart/stop')
  assert.equal(refused.status, 409)
  assert.equal(refused.body.code, 'NOT_RESTARTING')
  await api.call('POST', '/fleet/restart')
  const stopping = await api.call('POST', '/fleet/restart/stop')
  assert.equal(stopping.status, 202)
  assert.match(String(stopping.body.why), /is being stopped/)
})

test('a key of scope operate can neither begin nor stop a restart', async () => {
  const api = await anApi(tables)
  for (const path of ['/fleet/restart', '/fleet/restart/stop']) {
    const answer = await api.call('POST', path, { scope: 'operate' })
    assert.equal(answer.status, 403)
    assert.equal(answer.body.code, 'SCOPE_TOO_LOW')
  }
})
