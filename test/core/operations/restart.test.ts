import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { cancelDrain } from '../../../core/operations/drain-requests.ts'
import { beginRestart } from '../../../core/operations/restart-requests.ts'
import { advanceOperations } from '../../../core/operations/steps.ts'
import { announce, bury } from '../../../core/protocol/membership.ts'
import type { Store } from '../../../core/store/store.ts'
import * as build from '../../builders/builders.ts'
import { interrupted } from '../../builders/faulty-stores.ts'
import {
  aFleet,
  aServer,
  drainOf,
  epochs,
  leaves,
  look,
  restartOf,
  serversObey,
  spread,
  until,
} from './restart-scene.ts'

let tables: build.Tables

before(async () => {
  tables = await build.embeddedTables()
})
after(() => tables.close())

const MINUTE_MS = 60_000

describe('a rolling restart', () => {
  test('protects the old servers before it asks the service for new ones', async () => {
    const { world, asked } = await aFleet(tables, [1, 1])
    await beginRestart(world, 'key-1')
    await look(world, 3)
    assert.deepEqual(asked, ['protect task-of-s-1 task-of-s-2', 'deploy'])
    assert.match(
      (await restartOf(world.store)).why,
      /0 of 2 servers are done; server "s-1" waits for its replacement/,
    )
  })

  test('drains each server into its replacement and stops it empty, and moves each device once', async () => {
    const { world, asked } = await aFleet(tables, [3, 2])
    await beginRestart(world, 'key-1')
    await look(world, 3)
    const before = await epochs(world)
    await aServer(world, 'new-1')
    await until(world, 's-1', 'stopping')
    assert.deepEqual(await spread(world), { 'new-1': 3, 's-1': 0, 's-2': 2 })
    assert.equal((await build.serverRow(world.store, 's-2')).state, 'active')
    await leaves(world, 's-1')
    await aServer(world, 'new-2')
    await until(world, 's-2', 'stopping')
    await leaves(world, 's-2')
    await look(world, 2)
    const { state, why, steps } = await restartOf(world.store)
    assert.equal(state, 'done')
    assert.equal(why, 'all 2 servers were replaced, or have ended')
    assert.deepEqual(
      steps.map(({ name, replacedByName }) => [name, replacedByName]),
      [
        ['s-1', 'new-1'],
        ['s-2', 'new-2'],
      ],
    )
    assert.deepEqual(await spread(world), { 'new-1': 3, 'new-2': 2 })
    // A move raises the epoch twice: by the release, and by the permit of the connect that follows.
    assert.deepEqual(
      await epochs(world),
      before.map((epoch) => epoch + 2),
    )
    assert.deepEqual(
      asked.filter((what) => what.startsWith('stop')),
      ['stop task-of-s-1', 'stop task-of-s-2'],
    )
  })

  test('does not stop a server whose devices are not connected again', async () => {
    const { world, asked } = await aFleet(tables, [2])
    await beginRestart(world, 'key-1')
    await look(world, 3)
    await aServer(world, 'new-1')
    await look(world, 4)
    const devices = await world.store.query('Devices', { index: 'byOwner', partition: 's-1' })
    assert.ok(devices.rows.every(({ moveTo }) => moveTo === 'new-1'))
    await look(world, 10)
    assert.equal((await restartOf(world.store)).steps[0]?.phase, 'draining')
    assert.ok(!asked.includes('stop task-of-s-1'))
  })

  test('takes no server as a replacement that has too little room, or that was there before', async () => {
    const { world } = await aFleet(tables, [3, 0])
    await beginRestart(world, 'key-1')
    await look(world, 3)
    await aServer(world, 'small', 2)
    await look(world, 5)
    assert.equal((await restartOf(world.store)).steps[0]?.phase, 'waiting')
  })

  test('asks an empty server to leave by itself when its task cannot be stopped', async () => {
    const { world, script } = await aFleet(tables, [1])
    script.stops = false
    await beginRestart(world, 'key-1')
    await look(world, 3)
    await aServer(world, 'new-1')
    await until(world, 's-1', 'stopping')
    assert.equal((await build.serverRow(world.store, 's-1')).thenLeave, true)
  })

  test('uses a replacement twice when more servers were there than the service wants', async () => {
    const { world, script } = await aFleet(tables, [2, 2, 2])
    script.desired = 2
    await beginRestart(world, 'key-1')
    await look(world, 3)
    await aServer(world, 'new-1')
    await aServer(world, 'new-2')
    for (const name of ['s-1', 's-2', 's-3']) {
      await until(world, name, 'stopping')
      await leaves(world, name)
    }
    await look(world, 2)
    assert.equal((await restartOf(world.store)).state, 'done')
    assert.deepEqual(Object.values(await spread(world)).sort(), [2, 4])
  })

  test('counts a server that dies by itself as done, and leaves a server alone that joined later', async () => {
    const { world, asked } = await aFleet(tables, [0, 0])
    await beginRestart(world, 'key-1')
    await look(world, 3)
    const dead = await build.serverRow(world.store, 's-1')
    await bury(world.store, dead)
    await aServer(world, 'new-1')
    await until(world, 's-2', 'stopping')
    await leaves(world, 's-2')
    await look(world, 2)
    const { state, steps } = await restartOf(world.store)
    assert.equal(state, 'done')
    assert.deepEqual(
      steps.map(({ replacedByName }) => replacedByName),
      [undefined, 'new-1'],
    )
    assert.deepEqual(
      asked.filter((what) => what.startsWith('stop')),
      ['stop task-of-s-2'],
    )
  })

  test('waits for a server that is still joining before it drains it', async () => {
    const { world } = await aFleet(tables, [0])
    await announce(world.store, world.clock, build.newcomer('joins', { taskArn: 'task-of-joins' }))
    await beginRestart(world, 'key-1')
    await look(world, 3)
    await aServer(world, 'new-1')
    await look(world, 5)
    assert.equal((await restartOf(world.store)).steps[0]?.phase, 'waiting')
    assert.equal((await build.serverRow(world.store, 'joins')).state, 'joining')
  })
})

describe('a rolling restart that cannot go on', () => {
  test('is refused where no service runs the servers, and says how to restart by hand', async () => {
    const world = await build.aWorld(tables)
    await build.anActiveServer(world, 's-1')
    await beginRestart(world, 'key-1')
    await look(world)
    const { state, why } = await restartOf(world.store)
    assert.equal(state, 'refused')
    assert.match(why, /by hand under its own SERVER_NAME/)
  })

  test('is refused when a server is no task of the service', async () => {
    const { world, asked } = await aFleet(tables, [1])
    await build.anActiveServer(world, 'by-hand')
    await beginRestart(world, 'key-1')
    await look(world)
    const { state, why } = await restartOf(world.store)
    assert.equal(state, 'refused')
    assert.match(why, /runs server "by-hand":/)
    assert.deepEqual(asked, [])
  })

  test('is refused before it begins when the service cannot protect the old servers', async () => {
    const { world, script, asked } = await aFleet(tables, [1])
    script.spares = false
    await beginRestart(world, 'key-1')
    await look(world, 2)
    assert.equal((await restartOf(world.store)).state, 'refused')
    assert.ok(!asked.includes('deploy'))
  })

  test('waits for another deployment to end, and is refused after ten minutes', async () => {
    const { world, script, asked } = await aFleet(tables, [1])
    script.steady = false
    await beginRestart(world, 'key-1')
    await look(world, 2)
    assert.match((await restartOf(world.store)).why, /waits until no other deployment is under way/)
    world.clock.advance(10 * MINUTE_MS)
    await look(world)
    assert.equal((await restartOf(world.store)).state, 'refused')
    assert.deepEqual(asked, [])
  })

  test('times out when no replacement comes, and says where to look', async () => {
    const { world } = await aFleet(tables, [1])
    await beginRestart(world, 'key-1')
    await look(world, 4)
    world.clock.advance(10 * MINUTE_MS)
    await look(world)
    const { state, why } = await restartOf(world.store)
    assert.equal(state, 'timed_out')
    assert.match(why, /no replacement .* for the 1 devices of server "s-1" .* events of the service in ECS/)
    assert.equal((await build.serverRow(world.store, 's-1')).state, 'active')
  })

  test('ends when the drain of the server under way is called off', async () => {
    const { world } = await aFleet(tables, [1])
    await beginRestart(world, 'key-1')
    await look(world, 3)
    await aServer(world, 'new-1')
    await look(world, 3)
    await cancelDrain(world, await build.serverRow(world.store, 's-1'))
    await look(world, 2)
    const { state, why } = await restartOf(world.store)
    assert.equal(state, 'cancelled')
    assert.match(why, /server "s-1" was not emptied: called off/)
    assert.equal((await build.serverRow(world.store, 's-1')).state, 'active')
  })

  test('times out when an empty server does not stop', async () => {
    const { world, asked } = await aFleet(tables, [0])
    await beginRestart(world, 'key-1')
    await look(world, 3)
    await aServer(world, 'new-1')
    await until(world, 's-1', 'stopping')
    await look(world, 31)
    assert.equal(asked.filter((what) => what === 'stop task-of-s-1').length, 2)
    world.clock.advance(5 * MINUTE_MS)
    await look(world)
    assert.match((await restartOf(world.store)).why, /task task-of-s-1 does not stop/)
  })
})

describe('a rolling restart is harmless to', () => {
  test('two sweeps at once: the service is asked once, and each server is stopped once', async () => {
    const { world, asked, other } = await aFleet(tables, [2, 1])
    const second = other()
    await beginRestart(world, 'key-1')
    const both = async (times: number) => {
      for (let time = 0; time < times; time++) {
        world.clock.advance(1000)
        await Promise.all([advanceOperations(world), advanceOperations(second)])
        await serversObey(world)
      }
    }
    await both(4)
    await aServer(world, 'new-1')
    await aServer(world, 'new-2')
    await both(10)
    await leaves(world, 's-1')
    await both(10)
    await leaves(world, 's-2')
    await both(3)
    assert.equal((await restartOf(world.store)).state, 'done')
    assert.deepEqual(asked.toSorted(), [
      'deploy',
      'protect task-of-s-1 task-of-s-2',
      'stop task-of-s-1',
      'stop task-of-s-2',
    ])
    assert.deepEqual(await spread(world), { 'new-1': 2, 'new-2': 1 })
  })

  test('a crash between the row and the request to the service: the service is asked again', async () => {
    const { world, script, asked } = await aFleet(tables, [1])
    script.hears = false
    await beginRestart(world, 'key-1')
    await look(world, 20)
    assert.equal(asked.filter((what) => what === 'deploy').length, 1)
    script.hears = true
    await look(world, 15)
    assert.equal(asked.filter((what) => what === 'deploy').length, 2)
    assert.equal((await restartOf(world.store)).deployment?.taken, true)
  })

  test('a crash before a server is drained: it is drained by the next look', async () => {
    const { world, other } = await aFleet(tables, [1])
    await beginRestart(world, 'key-1')
    await look(world, 3)
    await aServer(world, 'new-1')
    const crashing = other()
    await look({ ...crashing, store: failingAt(crashing.store, 'Servers') }, 1)
    assert.equal((await restartOf(world.store)).steps[0]?.phase, 'draining')
    assert.equal(await drainOf(world.store, 's-1'), undefined)
    await look(world)
    assert.equal((await drainOf(world.store, 's-1'))?.to, 'new-1')
  })

  test('protection that would end: it is renewed after half of its time', async () => {
    const { world, asked } = await aFleet(tables, [1])
    await beginRestart(world, 'key-1')
    await look(world, 3)
    await aServer(world, 'new-1')
    await look(world, 3)
    world.clock.advance(12 * 60 * MINUTE_MS)
    await look(world)
    assert.equal(asked.filter((what) => what.startsWith('protect')).length, 2)
  })
})

/** The process ends at its first update of `table`. */
function failingAt(store: Store, table: string): Store {
  return interrupted(store, table as 'Servers', async () => {
    throw new Error('the process ended here')
  })
}
