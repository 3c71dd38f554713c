import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deviceId } from '../../../core/ids.ts'
import { beat } from '../../../core/protocol/membership.ts'
import { beginSweep } from '../../../core/sweep/sweep.ts'
import { readHistory } from '../../../core/telemetry/history.ts'
import {
  activeServers,
  anActiveServer,
  anOwnedDevice,
  beatAll,
  lookEverySecond,
  ownedDevices,
  ownersOf,
  serverRow,
} from '../../builders/builders.ts'
import { cuttable, interrupted } from '../../builders/faulty-stores.ts'
import { fresh } from '../../builders/fresh.ts'

const t = fresh()

describe('a server that falls silent', () => {
  test('is buried when its beat has not changed for the bury time, and not before', async () => {
    await anActiveServer(t.world, 'silent')
    const beating = await anActiveServer(t.world, 'beating')
    const watching = beginSweep(t.world)
    await watching.look()

    await lookEverySecond(t.world, watching, 10, [beating])
    const before = await serverRow(t.world.store, 'silent')
    await lookEverySecond(t.world, watching, 1, [beating])

    assert.equal(before.state, 'active')
    assert.equal((await serverRow(t.world.store, 'silent')).state, 'dead')
    assert.equal((await serverRow(t.world.store, 'beating')).state, 'active')
    assert.deepEqual(
      t.world.told('server.buried').map((facts) => facts.serverId),
      ['silent'],
    )
  })

  test('loses its devices to others at the same look, with the reason in their history', async () => {
    const silent = await anActiveServer(t.world, 'silent')
    const beating = await anActiveServer(t.world, 'beating')
    const devices = await ownedDevices(t.world, silent, 3)
    const watching = beginSweep(t.world)
    await watching.look()

    await lookEverySecond(t.world, watching, 11, [beating])

    const ids = devices.map((device) => device.deviceId)
    assert.deepEqual(await ownersOf(t.world.store, ids), ['beating', 'beating', 'beating'])
    const history = (await readHistory(t.world.store, deviceId('silent-device-0'), 9)).rows
    assert.deepEqual(
      new Set(history.map(({ event, serverName, why }) => [event, serverName, why].join(', '))),
      new Set([
        'evicted, silent, its server "silent" is gone',
        'assigned, beating, its server "silent" is gone',
      ]),
    )
    assert.deepEqual(t.world.rings, ['beating'])
  })

  test('on Fargate is stopped through ECS, too', async () => {
    await anActiveServer(t.world, 'silent', { taskArn: 'arn:task/1' })
    const beating = await anActiveServer(t.world, 'beating', { taskArn: 'arn:task/2' })
    const watching = beginSweep(t.world)
    await watching.look()

    await lookEverySecond(t.world, watching, 12, [beating])

    assert.deepEqual(t.world.stoppedTasks, ['arn:task/1'])
  })

  test('is not buried when it beats between the look and the burial', async () => {
    const silent = await anActiveServer(t.world, 'silent')
    const beating = await anActiveServer(t.world, 'beating')
    const lastMoment = interrupted(t.world.store, 'Servers', async (change) => {
      if (change.set?.state === 'dead') await beat(t.world.store, t.world.clock, silent.serverId, 0)
    })
    const watching = beginSweep({ ...t.world, store: lastMoment })
    await watching.look()

    await lookEverySecond(t.world, watching, 12, [beating])

    assert.equal((await serverRow(t.world.store, 'silent')).state, 'active')
  })

  test('is found by no time of day: hours forward or back change nothing', async () => {
    const web1 = await anActiveServer(t.world, 'web-1')
    const web2 = await anActiveServer(t.world, 'web-2')
    const { deviceId } = await anOwnedDevice(t.world, web1)
    const watching = beginSweep(t.world)
    await watching.look()

    t.world.clock.setWallBy(5 * 3_600_000)
    await watching.look()
    t.world.clock.setWallBy(-48 * 3_600_000)
    await watching.look()
    await lookEverySecond(t.world, watching, 3, [web1, web2])

    assert.deepEqual(await ownersOf(t.world.store, [deviceId]), ['web-1'])
    assert.deepEqual(t.world.told('server.buried'), [])
  })

  test('is buried in time by an observer whose time of day jumps', async () => {
    const silent = await anActiveServer(t.world, 'silent')
    const beating = await anActiveServer(t.world, 'beating')
    const { deviceId } = await anOwnedDevice(t.world, silent)
    const watching = beginSweep(t.world)
    await watching.look()
    await lookEverySecond(t.world, watching, 5, [beating])

    t.world.clock.setWallBy(-3_600_000)
    await lookEverySecond(t.world, watching, 5, [beating])
    const before = await serverRow(t.world.store, 'silent')
    await lookEverySecond(t.world, watching, 1, [beating])

    assert.equal(before.state, 'active')
    assert.deepEqual(await ownersOf(t.world.store, [deviceId]), ['beating'])
  })
})

describe('most servers silent together', () => {
  test('raise one alarm each and keep their devices for one more lease', async () => {
    const [web1, web2, web3] = await activeServers(t.world, 3)
    assert.ok(web1 && web2 && web3)
    const { deviceId } = await anOwnedDevice(t.world, web1)
    const watching = beginSweep(t.world)
    await watching.look()

    await lookEverySecond(t.world, watching, 15, [web3])
    const braked = await ownersOf(t.world.store, [deviceId])
    await lookEverySecond(t.world, watching, 4, [web3])

    assert.deepEqual(braked, ['server-0'])
    assert.equal(t.world.told('server.burial_deferred').length, 2)
    assert.deepEqual(await ownersOf(t.world.store, [deviceId]), ['server-2'])
  })

  test('that come back, one after the other, keep their devices', async () => {
    const servers = await activeServers(t.world, 4)
    const [web1, web2, web3, web4] = servers
    assert.ok(web1 && web2 && web3 && web4)
    const devices = await Promise.all(
      servers.map((server, n) => anOwnedDevice(t.world, server, `device-${n}`)),
    )
    const watching = beginSweep(t.world)
    await watching.look()

    await lookEverySecond(t.world, watching, 16)
    await lookEverySecond(t.world, watching, 1, [web1, web2])
    await lookEverySecond(t.world, watching, 1, [web3, web2])
    await lookEverySecond(t.world, watching, 9, servers)

    const ids = devices.map((device) => device.deviceId)
    assert.deepEqual(await ownersOf(t.world.store, ids), ['server-0', 'server-1', 'server-2', 'server-3'])
    assert.deepEqual(t.world.told('server.buried'), [])
  })

  test('keep their devices when the store failed for all of them and for the sweep', async () => {
    const servers = await activeServers(t.world, 4)
    const [late] = servers
    assert.ok(late)
    const { deviceId } = await anOwnedDevice(t.world, late)
    const store = cuttable(t.world.store)
    const watching = beginSweep({ ...t.world, store })
    await watching.look()

    store.cut()
    t.world.clock.advance(30_000)
    await assert.rejects(watching.look(), /cannot be reached/)
    store.mend()
    await beatAll(t.world, servers.slice(1))
    await watching.look()
    await lookEverySecond(t.world, watching, 2, servers.slice(1))
    await lookEverySecond(t.world, watching, 9, servers)

    assert.deepEqual(await ownersOf(t.world.store, [deviceId]), ['server-0'])
    assert.deepEqual(t.world.told('server.buried'), [])
  })
})
