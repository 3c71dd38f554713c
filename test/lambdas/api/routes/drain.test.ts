import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { advanceOperations } from '../../../../core/operations/steps.ts'
import { announce, buryExited, drain, setOut } from '../../../../core/protocol/membership.ts'
import {
  anActiveServer,
  anOwnedDevice,
  embeddedTables,
  newcomer,
  serverRow,
  type Tables,
} from '../../../builders/builders.ts'
import { aFleet, refusal } from './scenes.ts'

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables.close())

describe('POST /servers/{id}/drain', () => {
  test('begins an operation, closes the server to new devices and shows both', async () => {
    const { world, call } = await aFleet(tables)

    const { status, body } = await call('POST', '/servers/web-1/drain', { body: { atOnce: 2 } })
    await advanceOperations(world)
    const shown = await call('GET', '/servers/web-1')

    assert.equal(status, 202)
    assert.equal(body.operationId, 'drain-web-1')
    assert.equal(body.thenLeave, true)
    assert.equal(body.atOnce, 2)
    assert.deepEqual(body.progress, { devicesAtStart: 3, moved: 0, underWay: 0, left: 3 })
    assert.equal(shown.body.state, 'draining')
    assert.equal(shown.body.drain.operationId, 'drain-web-1')
    assert.equal(shown.body.drain.progress.underWay, 2)
    assert.equal(shown.body.drain.why, '2 devices are on their way, 3 are still on the server')
  })

  test('repeated is harmless: the answer is the running drain', async () => {
    const { call } = await aFleet(tables)
    await call('POST', '/servers/web-1/drain', { body: { atOnce: 2 } })

    const { status, body } = await call('POST', '/servers/web-1/drain', {
      body: { atOnce: 9, thenLeave: false },
    })

    assert.equal(status, 202)
    assert.equal(body.atOnce, 2)
    assert.equal(body.thenLeave, true)
  })

  test('is refused when the others have too little room, in numbers and with what to do', async () => {
    const api = await aFleet(tables, { room: 2 })

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
    const api = await aFleet(tables)
    await drain(api.world.store, api.web2.serverId)

    assert.match(
      await refusal(api, 'POST', '/servers/web-1/drain'),
      /^409 NO_ROOM_TO_DRAIN: server "web-1" has 3 devices, and no other server is active: start another server first/,
    )
  })

  test('is refused for a server that is joining, dead or leaving', async () => {
    const api = await aFleet(tables)
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
    assert.equal(await drained('web-1'), '409 SERVER_LEAVING: server "web-1" is already leaving')
    assert.equal(await drained('nobody'), '404 SERVER_NOT_FOUND: there is no server "nobody"')
  })

  test('is refused when the target server takes no devices or is full', async () => {
    const api = await aFleet(tables)
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
    const { call } = await aFleet(tables)
    for (const atOnce of [0, 51, 1.5]) {
      const { status, body } = await call('POST', '/servers/web-1/drain', { body: { atOnce } })
      assert.equal(status, 400)
      assert.equal(body.code, 'BAD_REQUEST')
    }
  })

  test('as a dry run says which device would move where, and does nothing', async () => {
    const { world, call } = await aFleet(tables, { room: 2 })

    const { status, body } = await call('POST', '/servers/web-1/drain?dryRun=true', { body: { atOnce: 1 } })

    assert.equal(status, 200)
    assert.equal(body.devices, 3)
    assert.equal(body.waves, 2)
    assert.equal(body.withoutRoom.length, 1)
    assert.deepEqual(body.basis, { secondsPerMove: 2, from: 'assumed', movesMeasured: 0 })
    assert.deepEqual(body.moves[0].to, { serverId: 'web-2', name: 'web-2' })
    assert.equal((await serverRow(world.store, 'web-1')).state, 'active')
  })
})

describe('DELETE /servers/{id}/drain', () => {
  test('makes the server active again and answers with the cancelled drain', async () => {
    const { call } = await aFleet(tables)
    await call('POST', '/servers/web-1/drain')

    const { status, body } = await call('DELETE', '/servers/web-1/drain')

    assert.equal(status, 200)
    assert.equal(body.state, 'active')
    assert.equal(body.drain.state, 'cancelled')
  })

  test('is refused when no drain runs, and when the server is leaving', async () => {
    const api = await aFleet(tables)
    await setOut(api.world.store, api.web2.serverId)

    assert.equal(
      await refusal(api, 'DELETE', '/servers/web-1/drain'),
      '409 NOT_DRAINING: server "web-1" is active; nothing drains it',
    )
    assert.equal(
      await refusal(api, 'DELETE', '/servers/web-2/drain'),
      '409 SERVER_LEAVING: server "web-2" is already leaving; it cannot be called back',
    )
    assert.match(await refusal(api, 'DELETE', '/servers/nobody/drain'), /^404 SERVER_NOT_FOUND/)
  })
})
