import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { beginRestart, stopRestart } from '../../../core/operations/restart-requests.ts'
import * as build from '../../builders/builders.ts'
import { aFleet, aServer, leaves, look, restartOf, spread, until } from './restart-scene.ts'

let tables: build.Tables

before(async () => {
  tables = await build.embeddedTables()
})
after(() => tables.close())

const MINUTE_MS = 60_000

describe('a rolling restart', () => {
  test('is the only one: a second request returns the restart that runs', async () => {
    const { world } = await aFleet(tables, [1])
    const [first, second] = await Promise.all([beginRestart(world, 'key-1'), beginRestart(world, 'key-2')])
    assert.deepEqual([first.begun, second.begun].sort(), [false, true])
    assert.equal(first.restart.askedBy, second.restart.askedBy)
  })
})

describe('a rolling restart that is stopped', () => {
  test('begins no further server, and goes on with the servers that are left when it is requested again', async () => {
    const { world, asked } = await aFleet(tables, [2, 2])
    await beginRestart(world, 'key-1')
    await look(world, 3)
    await aServer(world, 'new-1')
    await aServer(world, 'new-2')
    await look(world, 3)
    await stopRestart(world, 'key-2')
    await until(world, 's-1', 'stopping')
    await leaves(world, 's-1')
    await look(world, 2)
    const stopped = await restartOf(world.store)
    assert.equal(stopped.state, 'cancelled')
    assert.match(stopped.why, /after 1 of 2 servers; the service protects the others until 2030-01-02T/)
    assert.deepEqual(await spread(world), { 'new-1': 2, 'new-2': 0, 's-2': 2 })

    const { begun } = await beginRestart(world, 'key-1')
    assert.ok(begun)
    await until(world, 's-2', 'stopping')
    await leaves(world, 's-2')
    await look(world, 2)
    assert.equal((await restartOf(world.store)).state, 'done')
    assert.deepEqual(await spread(world), { 'new-1': 2, 'new-2': 2 })
    assert.equal(asked.filter((what) => what === 'deploy').length, 1)
  })

  test('begins again when the service has rolled its deployment back in the meantime', async () => {
    const { world, script, asked } = await aFleet(tables, [1])
    await beginRestart(world, 'key-1')
    await look(world, 4)
    world.clock.advance(10 * MINUTE_MS)
    await look(world)
    assert.equal((await restartOf(world.store)).state, 'timed_out')
    script.steady = true
    await beginRestart(world, 'key-1')
    await look(world, 3)
    assert.equal(asked.filter((what) => what === 'deploy').length, 2)
    assert.equal((await restartOf(world.store)).deployment?.taken, true)
  })

  test('begins again when no server was left, or the service no longer protects the servers that were', async () => {
    const { world } = await aFleet(tables, [1])
    await beginRestart(world, 'key-1')
    await look(world, 4)
    await stopRestart(world, 'key-1')
    await look(world)
    world.clock.advance(25 * 60 * MINUTE_MS)
    const { restart } = await beginRestart(world, 'key-1')
    assert.equal(restart.deployment, undefined)
  })

  test('ends before it asks the service when it is stopped before that', async () => {
    const { world, asked } = await aFleet(tables, [1])
    await beginRestart(world, 'key-1')
    await stopRestart(world, 'key-1')
    await look(world)
    assert.equal(
      (await restartOf(world.store)).why,
      'stopped as asked after 0 of 1 servers, before anything was begun',
    )
    assert.deepEqual(asked, [])
  })

  test('refuses to stop when no restart runs', async () => {
    const world = await build.aWorld(tables)
    await assert.rejects(stopRestart(world, 'key-1'), { code: 'NOT_RESTARTING' })
  })
})
