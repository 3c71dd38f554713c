import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { deviceId, serverId } from '../../../../core/ids.ts'
import { advanceOperations } from '../../../../core/operations/steps.ts'
import { announce, beat, bury, buryExited, drain, setOut } from '../../../../core/protocol/membership.ts'
import type { Store } from '../../../../core/store/store.ts'
import {
  anActiveServer,
  anOwnedDevice,
  embeddedTables,
  newcomer,
  ownedDevices,
  ownersOf,
  serverRow,
  type Tables,
} from '../../../builders/builders.ts'
import { anApi, apiOn, lambdaWorldOn, TASK_ARN, type TestApi, type TestLambdaWorld } from '../../events.ts'

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables.close())

/** An API over `web-1` with 3 devices and `web-2` with room. */
async function aFleet({ room = 100, taskArn }: { room?: number; taskArn?: string } = {}) {
  const api = await anApi(tables)
  const web1 = await anActiveServer(api.world, 'web-1', taskArn ? { taskArn } : {})
  const web2 = await anActiveServer(api.world, 'web-2', { capacity: room })
  const ids = (await ownedDevices(api.world, web1, 3)).map((row) => row.deviceId)
  return { ...api, web1, web2, ids }
}

async function refusal(api: Pick<TestApi, 'call'>, method: string, target: string, body?: unknown) {
  const answer = await api.call(method, target, { body })
  return `${answer.status} ${answer.body.code}: ${answer.body.message}`
}

/** The same API, and somebody else acts right before it reads a server for the third time. */
function onThirdLook(world: TestLambdaWorld, act: () => Promise<unknown>): TestApi {
  let looks = 0
  const get: Store['get'] = async (table, key) => {
    if (table === 'Servers' && ++looks === 3) await act()
    return world.store.get(table, key)
  }
  return apiOn({ ...world, store: { ...world.store, get } })
}

describe('POST /devices/{id}/reassign', () => {
  test('answers with an operation that can be read', async () => {
    const { call } = await aFleet()

    const asked = await call('POST', '/devices/web-1-device-0/reassign', { body: { serverId: 'web-2' } })
    const { operationId } = asked.body.operation
    const { status, body } = await call('GET', `/operations/${operationId}`)

    assert.deepEqual([asked.status, asked.body.moveTo, status], [202, 'web-2', 200])
    assert.deepEqual(body, {
      operationId,
      kind: 'reassign',
      state: 'running',
      why: 'its server "web-1" is asked to release it',
      askedBy: 'abcdef0123456789',
      startedAt: body.startedAt,
      deviceId: 'web-1-device-0',
      from: 'web-1',
      to: 'web-2',
    })
  })

  test('of a device without an owner prefers the named server', async () => {
    const { world, call } = await anApi(tables)
    await call('POST', '/devices', { body: { deviceId: 'shop-17' } })
    await anActiveServer(world, 'web-1', { capacity: 1000 })
    await anActiveServer(world, 'web-2', { capacity: 2 })

    const { status, body } = await call('POST', '/devices/shop-17/reassign', { body: { serverId: 'web-2' } })

    assert.deepEqual([status, body.owner.serverId], [202, 'web-2'])
    assert.equal(body.operation.why, 'it is on server "web-2", which connects it')
  })

  test('shows the present truth also when no sweep has looked since', async () => {
    const { world, call } = await aFleet()
    const { body } = await call('POST', '/devices/web-1-device-0/reassign', { body: { serverId: 'web-2' } })
    const arrived = { owner: serverId('web-2'), claimId: 'another', status: 'connected' } as const
    const key = { deviceId: deviceId('web-1-device-0') }
    await world.store.update('Devices', key, { set: arrived, remove: ['moveTo', 'moveId'], when: [] })

    const shown = await call('GET', `/operations/${body.operation.operationId}`)

    assert.deepEqual([shown.body.state, shown.body.why], ['done', 'it is on server "web-2", connected'])
  })
})

describe('GET /operations', () => {
  test('lists what is under way, the newest first', async () => {
    const { world, call } = await aFleet()
    await call('POST', '/devices/web-1-device-0/reassign', { body: { serverId: 'web-2' } })
    world.clock.advance(1000)
    await call('POST', '/servers/web-1/drain')

    const { body } = await call('GET', '/operations')

    assert.deepEqual(
      body.operations.map(({ kind }: { kind: string }) => kind),
      ['drain', 'reassign'],
    )
  })

  test('refuses an id that is not known', async () => {
    assert.equal(
      await refusal(await anApi(tables), 'GET', '/operations/nobody'),
      '404 OPERATION_NOT_FOUND: there is no operation nobody; they are kept for a week after their end',
    )
  })
})

describe('POST /servers/{id}/drain', () => {
  test('begins an operation, closes the server to new devices and shows both', async () => {
    const { world, call } = await aFleet()

    const { status, body } = await call('POST', '/servers/web-1/drain', { body: { atOnce: 2 } })
    await advanceOperations(world)
    const shown = await call('GET', '/servers/web-1')

    assert.deepEqual(
      [status, body.operationId, body.thenLeave, body.atOnce, body.progress],
      [202, 'drain-web-1', true, 2, { devicesAtStart: 3, moved: 0, underWay: 0, left: 3 }],
    )
    assert.deepEqual(
      [shown.body.state, shown.body.drain.operationId, shown.body.drain.progress.underWay],
      ['draining', 'drain-web-1', 2],
    )
    assert.equal(shown.body.drain.why, '2 devices are on their way, 3 are still on the server')
  })

  test('repeated is harmless: the drain that runs is answered', async () => {
    const { call } = await aFleet()
    await call('POST', '/servers/web-1/drain', { body: { atOnce: 2 } })

    const { status, body } = await call('POST', '/servers/web-1/drain', {
      body: { atOnce: 9, thenLeave: false },
    })

    assert.deepEqual([status, body.atOnce, body.thenLeave], [202, 2, true])
  })

  test('is refused when the others have too little room, in numbers and with what to do', async () => {
    const api = await aFleet({ room: 2 })

    const said = await refusal(api, 'POST', '/servers/web-1/drain')

    assert.equal(
      said,
      '409 NO_ROOM_TO_DRAIN: server "web-1" has 3 devices, and the other active servers (1) have room for 2: start ' +
        'another server first, or pass {"partly": true}',
    )
    assert.equal((await serverRow(api.world.store, 'web-1')).state, 'active')
    assert.equal((await api.call('POST', '/servers/web-1/drain', { body: { partly: true } })).status, 202)
  })

  test('is refused when no other server is active', async () => {
    const api = await aFleet()
    await drain(api.world.store, api.web2.serverId)

    assert.match(
      await refusal(api, 'POST', '/servers/web-1/drain'),
      /^409 NO_ROOM_TO_DRAIN: server "web-1" has 3 devices, and no other server is active: start another server first/,
    )
  })

  test('is refused for a server that joins, is dead or is on its way out', async () => {
    const api = await aFleet()
    await announce(api.world.store, api.world.clock, newcomer('joining'))
    await buryExited(api.world.store, await anActiveServer(api.world, 'dead'), 'exit code 1')
    await setOut(api.world.store, api.web1.serverId)
    const drained = (server: string) => refusal(api, 'POST', `/servers/${server}/drain`)

    assert.equal(
      await drained('joining'),
      '409 SERVER_NOT_ACTIVE: server "joining" is joining: it has no devices yet, drain it when it is active',
    )
    assert.equal(
      await drained('dead'),
      '409 SERVER_NOT_ACTIVE: server "dead" is dead and has nothing to drain; evict it to move what it still owns',
    )
    assert.equal(await drained('web-1'), '409 SERVER_LEAVING: server "web-1" is on its way out already')
    assert.equal(await drained('nobody'), '404 SERVER_NOT_FOUND: there is no server "nobody"')
  })

  test('is refused when the server that shall get the devices takes none or is full', async () => {
    const api = await aFleet()
    await anOwnedDevice(api.world, await anActiveServer(api.world, 'full', { capacity: 1 }), 'other')
    await drain(api.world.store, api.web2.serverId)

    assert.equal(
      await refusal(api, 'POST', '/servers/web-1/drain', { to: 'web-2' }),
      '409 SERVER_NOT_ACTIVE: server "web-2" is draining and takes no devices; name another one, or none',
    )
    assert.equal(
      await refusal(api, 'POST', '/servers/web-1/drain', { to: 'full' }),
      '409 SERVER_FULL: server "full" has 1 of 1 devices; name another one, or none',
    )
  })

  test('takes 1 to 50 devices at once', async () => {
    const { call } = await aFleet()
    for (const atOnce of [0, 51, 1.5]) {
      const { status, body } = await call('POST', '/servers/web-1/drain', { body: { atOnce } })
      assert.deepEqual([status, body.code], [400, 'BAD_REQUEST'])
    }
  })

  test('as a dry run tells what would move where, and does nothing', async () => {
    const { world, call } = await aFleet({ room: 2 })

    const { status, body } = await call('POST', '/servers/web-1/drain?dryRun=true', { body: { atOnce: 1 } })

    assert.deepEqual([status, body.devices, body.waves, body.withoutRoom.length], [200, 3, 2, 1])
    assert.deepEqual(body.basis, { secondsPerMove: 2, from: 'assumed', movesMeasured: 0 })
    assert.deepEqual(body.moves[0].to, { serverId: 'web-2', name: 'web-2' })
    assert.equal((await serverRow(world.store, 'web-1')).state, 'active')
  })
})

describe('DELETE /servers/{id}/drain', () => {
  test('makes the server active again and answers with the drain that was called off', async () => {
    const { call } = await aFleet()
    await call('POST', '/servers/web-1/drain')

    const { status, body } = await call('DELETE', '/servers/web-1/drain')

    assert.deepEqual([status, body.state, body.drain.state], [200, 'active', 'cancelled'])
  })

  test('is refused when nothing drains, and when the server is on its way out', async () => {
    const api = await aFleet()
    await setOut(api.world.store, api.web2.serverId)

    assert.equal(
      await refusal(api, 'DELETE', '/servers/web-1/drain'),
      '409 NOT_DRAINING: server "web-1" is active; nothing drains it',
    )
    assert.equal(
      await refusal(api, 'DELETE', '/servers/web-2/drain'),
      '409 SERVER_LEAVING: server "web-2" is on its way out; it cannot be called back',
    )
    assert.match(await refusal(api, 'DELETE', '/servers/nobody/drain'), /^404 SERVER_NOT_FOUND/)
  })
})

describe('POST /servers/{id}/evict', () => {
  test('takes all devices from a dead server at once and places them', async () => {
    const { world, call, web1, ids } = await aFleet()
    await buryExited(world.store, web1, 'exit code 137')

    const { status, body } = await call('POST', '/servers/web-1/evict')

    assert.deepEqual([status, body], [200, { serverId: 'web-1', evicted: 3, placed: 3 }])
    assert.deepEqual(await ownersOf(world.store, ids), ['web-2', 'web-2', 'web-2'])
  })

  test('says how many found room', async () => {
    const { world, call, web1 } = await aFleet({ room: 2 })
    await buryExited(world.store, web1, 'exit code 137')

    assert.deepEqual((await call('POST', '/servers/web-1/evict')).body, {
      serverId: 'web-1',
      evicted: 3,
      placed: 2,
    })
  })

  test('is refused while the server beats, with the age of its last beat', async () => {
    const api = await aFleet()
    await beat(api.world.store, api.world.clock, api.web1.serverId, 3)
    api.world.clock.advance(1400)

    assert.equal(
      await refusal(api, 'POST', '/servers/web-1/evict'),
      '409 SERVER_STILL_BEATING: server "web-1" beat 1.4 s ago; evict it after it has been silent for 11 s, or pass stopTask',
    )
  })

  test('watches a server that seems silent, buries it after the bury time on its own clock and evicts', async () => {
    const { world, call, ids } = await aFleet({ taskArn: TASK_ARN })
    world.clock.advance(60_000)
    const begun = world.clock.mark()

    const { status, body } = await world.clock.runUntilDone(call('POST', '/servers/web-1/evict'))

    assert.deepEqual([status, body.evicted], [200, 3])
    assert.ok(world.clock.elapsedMs(begun) >= world.settings.buryAfterMs)
    assert.equal((await serverRow(world.store, 'web-1')).state, 'dead')
    assert.deepEqual(await ownersOf(world.store, ids), ['web-2', 'web-2', 'web-2'])
    assert.deepEqual(world.stoppedTasks, [TASK_ARN])
  })

  test('is refused as soon as a server that seemed silent beats: its clock was wrong, or it has woken up', async () => {
    const { world, web1, ids } = await aFleet()
    world.clock.advance(60_000)
    const meanwhile = onThirdLook(world, () => beat(world.store, world.clock, web1.serverId, 3))

    const { status, body } = await world.clock.runUntilDone(meanwhile.call('POST', '/servers/web-1/evict'))

    assert.deepEqual([status, body.code], [409, 'SERVER_STILL_BEATING'])
    assert.deepEqual(await ownersOf(world.store, ids), ['web-1', 'web-1', 'web-1'])
  })

  test('evicts also when the sweep is first with the burial', async () => {
    const { world, web1 } = await aFleet()
    world.clock.advance(60_000)
    const meanwhile = onThirdLook(world, () => bury(world.store, web1))

    const { status, body } = await world.clock.runUntilDone(meanwhile.call('POST', '/servers/web-1/evict'))

    assert.deepEqual([status, body.evicted], [200, 3])
    assert.deepEqual(world.told('server.buried'), [])
  })

  test('with stopTask stops the task of a server that beats and leaves the rest to its end', async () => {
    const { world, call, ids } = await aFleet({ taskArn: TASK_ARN })

    const { status, body } = await call('POST', '/servers/web-1/evict', { body: { stopTask: true } })

    assert.deepEqual([status, body.serverId, world.stoppedTasks], [202, 'web-1', [TASK_ARN]])
    assert.deepEqual(await ownersOf(world.store, ids), ['web-1', 'web-1', 'web-1'])
  })

  test('with stopTask is refused for a server without a task', async () => {
    assert.equal(
      await refusal(await aFleet(), 'POST', '/servers/web-1/evict', { stopTask: true }),
      '409 SERVER_HAS_NO_TASK: server "web-1" runs in no task that could be stopped: end its process, or drain it',
    )
  })

  test('with stopTask is refused when ECS did not take the stop', async () => {
    const { world } = await aFleet({ taskArn: TASK_ARN })
    const refusing = { ...lambdaWorldOn(world.store), tasks: { stopTask: async () => false } }

    assert.equal(
      await refusal(apiOn(refusing), 'POST', '/servers/web-1/evict', { stopTask: true }),
      `409 TASK_NOT_STOPPED: ECS did not take the stop of server "web-1" (task ${TASK_ARN}); the log says why ` +
        '(task.stop_failed): try again',
    )
  })

  test('of a server that never was is refused', async () => {
    assert.match(await refusal(await anApi(tables), 'POST', '/servers/nobody/evict'), /^404 SERVER_NOT_FOUND/)
  })
})
