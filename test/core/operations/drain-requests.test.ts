import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { beginDrain, cancelDrain, runningDrain } from '../../../core/operations/drain-requests.ts'
import { advanceOperations } from '../../../core/operations/steps.ts'
import { activate, announce, buryExited, setOut, setOutDrained } from '../../../core/protocol/membership.ts'
import * as build from '../../builders/builders.ts'
import { aDrain, askedToMove } from './drain-scene.ts'

let tables: build.Tables
before(async () => {
  tables = await build.embeddedTables()
})
after(() => tables.close())

describe('a drain', () => {
  test('is not begun twice: the second call returns the drain that runs', async () => {
    const { world, from, operation } = await aDrain(tables)

    const again = await beginDrain(world, await build.serverRow(world.store, from.serverId), {
      askedBy: 'key-2',
    })

    assert.equal(again.askedBy, 'key-1')
    assert.equal(again.version, (await operation()).version)
  })

  test('of a server that joins, is gone or is already leaving is refused', async () => {
    const world = await build.aWorld(tables)
    const joining = build.newcomer('joining')
    await announce(world.store, world.clock, joining)
    const dead = await build.anActiveServer(world, 'dead')
    await buryExited(world.store, dead, 'exit code 1')
    const leaving = await build.anActiveServer(world, 'leaving')
    await setOut(world.store, leaving.serverId)
    const drainOf = async (id: string) =>
      beginDrain(world, await build.serverRow(world.store, id), { askedBy: 'key-1' })

    await assert.rejects(drainOf('joining'), {
      code: 'SERVER_NOT_ACTIVE',
      message: /joining: .* when it is active/,
    })
    await assert.rejects(drainOf('dead'), { code: 'SERVER_NOT_ACTIVE', message: /dead .* evict it/ })
    await assert.rejects(drainOf('leaving'), { code: 'SERVER_LEAVING' })
  })
})

describe('a drain that is called off', () => {
  test('gives the server back to the fleet and withdraws the moves that have not begun', async () => {
    const { world, from, ids, operation } = await aDrain(tables, { thenLeave: true })
    await advanceOperations(world)

    const ended = await cancelDrain(world, from)
    await advanceOperations(world)

    const { state, thenLeave, stateReason } = await build.serverRow(world.store, from.serverId)
    assert.equal(state, 'active')
    assert.equal(thenLeave, undefined)
    assert.equal(stateReason, undefined)
    assert.equal(ended?.state, 'cancelled')
    assert.deepEqual(ended?.moving, [])
    assert.equal((await operation()).why, 'called off by the operator after 0 of 6 devices had moved')
    assert.equal(await askedToMove(world, ids), 0)
  })

  test('is ended by the sweep when the call crashed half way', async () => {
    const { world, from, ids, operation } = await aDrain(tables)
    await advanceOperations(world)
    await world.store.update('Servers', { serverId: from.serverId }, { set: { state: 'active' }, when: [] })

    await advanceOperations(world)

    assert.equal((await operation()).state, 'cancelled')
    assert.equal(await askedToMove(world, ids), 0)
  })

  test('can be begun again', async () => {
    const { world, from } = await aDrain(tables)
    await cancelDrain(world, from)

    await beginDrain(world, await build.serverRow(world.store, from.serverId), { askedBy: 'key-1' })

    assert.equal((await runningDrain(world.store, from.serverId))?.moved, 0)
    assert.equal((await build.serverRow(world.store, from.serverId)).state, 'draining')
  })

  test('is refused when nothing drains', async () => {
    const world = await build.aWorld(tables)
    const server = await build.anActiveServer(world, 'web-1')

    await assert.rejects(cancelDrain(world, server), {
      code: 'NOT_DRAINING',
      message: 'server "web-1" is active; nothing drains it',
    })
  })

  test('is refused when the server is already leaving', async () => {
    const { world, from } = await aDrain(tables, { devices: 0, thenLeave: true })
    await advanceOperations(world)
    await setOutDrained(world.store, from.serverId)

    await assert.rejects(cancelDrain(world, from), { code: 'SERVER_LEAVING' })
    await assert.rejects(activate(world.store, from.serverId), { code: 'SERVER_DEAD' })
  })
})
