import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { beat, bury, buryExited } from '../../../../core/protocol/membership.ts'
import { embeddedTables, ownersOf, serverRow, type Tables } from '../../../builders/builders.ts'
import { anApi, apiOn, lambdaWorldOn, TASK_ARN } from '../../events.ts'
import { aFleet, onThirdLook, refusal } from './scenes.ts'

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables.close())

describe('POST /servers/{id}/evict', () => {
  test('takes all devices from a dead server at once and places them', async () => {
    const { world, call, web1, ids } = await aFleet(tables)
    await buryExited(world.store, web1, 'exit code 137')

    const { status, body } = await call('POST', '/servers/web-1/evict')

    assert.equal(status, 200)
    assert.deepEqual(body, { serverId: 'web-1', evicted: 3, placed: 3 })
    assert.deepEqual(await ownersOf(world.store, ids), ['web-2', 'web-2', 'web-2'])
  })

  test('says how many devices found room', async () => {
    const { world, call, web1 } = await aFleet(tables, { room: 2 })
    await buryExited(world.store, web1, 'exit code 137')

    assert.deepEqual((await call('POST', '/servers/web-1/evict')).body, {
      serverId: 'web-1',
      evicted: 3,
      placed: 2,
    })
  })

  test('is refused while the server beats, with the age of its last beat', async () => {
    const api = await aFleet(tables)
    await beat(api.world.store, api.world.clock, api.web1.serverId, 3)
    api.world.clock.advance(1400)

    assert.equal(
      await refusal(api, 'POST', '/servers/web-1/evict'),
      '409 SERVER_STILL_BEATING: server "web-1" beat 1.4 s ago; evict it after it has been silent for ' +
        '11 s, or pass stopTask',
    )
  })

  test('watches a server that seems silent, buries it after the bury time on its own clock and evicts', async () => {
    const { world, call, ids } = await aFleet(tables, { taskArn: TASK_ARN })
    world.clock.advance(60_000)
    const begun = world.clock.mark()

    const { status, body } = await world.clock.runUntilDone(call('POST', '/servers/web-1/evict'))

    assert.equal(status, 200)
    assert.equal(body.evicted, 3)
    assert.ok(world.clock.elapsedMs(begun) >= world.settings.buryAfterMs)
    assert.equal((await serverRow(world.store, 'web-1')).state, 'dead')
    assert.deepEqual(await ownersOf(world.store, ids), ['web-2', 'web-2', 'web-2'])
    assert.deepEqual(world.stoppedTasks, [TASK_ARN])
  })

  test('is refused as soon as a server that seemed silent beats: its clock was wrong, or it was frozen', async () => {
    const { world, web1, ids } = await aFleet(tables)
    world.clock.advance(60_000)
    const meanwhile = onThirdLook(world, () => beat(world.store, world.clock, web1.serverId, 3))

    const { status, body } = await world.clock.runUntilDone(meanwhile.call('POST', '/servers/web-1/evict'))

    assert.equal(status, 409)
    assert.equal(body.code, 'SERVER_STILL_BEATING')
    assert.deepEqual(await ownersOf(world.store, ids), ['web-1', 'web-1', 'web-1'])
  })

  test('evicts also when the sweep buries the server first', async () => {
    const { world, web1 } = await aFleet(tables)
    world.clock.advance(60_000)
    const meanwhile = onThirdLook(world, () => bury(world.store, web1))

    const { status, body } = await world.clock.runUntilDone(meanwhile.call('POST', '/servers/web-1/evict'))

    assert.equal(status, 200)
    assert.equal(body.evicted, 3)
    assert.deepEqual(world.told('server.buried'), [])
  })

  test('with stopTask stops the task of a server that beats; the end of the task moves the devices', async () => {
    const { world, call, ids } = await aFleet(tables, { taskArn: TASK_ARN })

    const { status, body } = await call('POST', '/servers/web-1/evict', { body: { stopTask: true } })

    assert.equal(status, 202)
    assert.equal(body.serverId, 'web-1')
    assert.deepEqual(world.stoppedTasks, [TASK_ARN])
    assert.deepEqual(await ownersOf(world.store, ids), ['web-1', 'web-1', 'web-1'])
  })

  test('with stopTask is refused for a server without a task', async () => {
    assert.equal(
      await refusal(await aFleet(tables), 'POST', '/servers/web-1/evict', { stopTask: true }),
      '409 SERVER_HAS_NO_TASK: server "web-1" runs in no task that could be stopped: end its process, or drain it',
    )
  })

  test('with stopTask is refused when ECS does not accept the stop', async () => {
    const { world } = await aFleet(tables, { taskArn: TASK_ARN })
    const refusing = { ...lambdaWorldOn(world.store), tasks: { stopTask: async () => false } }

    assert.equal(
      await refusal(apiOn(refusing), 'POST', '/servers/web-1/evict', { stopTask: true }),
      `409 TASK_NOT_STOPPED: ECS did not take the stop of server "web-1" (task ${TASK_ARN}); the log says why ` +
        '(task.stop_failed): try again',
    )
  })

  test('of an unknown server is refused', async () => {
    assert.match(await refusal(await anApi(tables), 'POST', '/servers/nobody/evict'), /^404 SERVER_NOT_FOUND/)
  })
})
