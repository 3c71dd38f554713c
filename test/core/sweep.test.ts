import assert from 'node:assert/strict'
import { after, beforeEach, describe, test } from 'node:test'
import { readHistory } from '../../core/history.ts'
import { deviceId } from '../../core/ids.ts'
import {
  activate,
  announce,
  beat,
  bury,
  buryExited,
  drain,
  hold,
  leave,
  reserve,
  unreserve,
} from '../../core/membership.ts'
import { evict, release } from '../../core/ownership.ts'
import { requestDeletion, stop } from '../../core/requests.ts'
import type { Store } from '../../core/store.ts'
import { beginSweep, sweep } from '../../core/sweep.ts'
import {
  activeServers,
  aDevice,
  anActiveServer,
  anOwnedDevice,
  aPermittedDevice,
  aWorld,
  beatAll,
  cuttable,
  deviceRow,
  embeddedTables,
  interrupted,
  lookEverySecond,
  newcomer,
  ownedDevices,
  ownersOf,
  serverRow,
  type TestWorld,
  waitingDevices,
  worldOn,
} from './builders.ts'

const tables = await embeddedTables()
after(() => tables.close())

let world: TestWorld
beforeEach(async () => {
  world = await aWorld(tables)
})

describe('a server that falls silent', () => {
  test('is buried when its beat stood unchanged for the bury time, not before', async () => {
    await anActiveServer(world, 'silent')
    const beating = await anActiveServer(world, 'beating')
    const watching = beginSweep(world)
    await watching.look()

    await lookEverySecond(world, watching, 10, [beating])
    const before = await serverRow(world.store, 'silent')
    await lookEverySecond(world, watching, 1, [beating])

    assert.equal(before.state, 'active')
    assert.equal((await serverRow(world.store, 'silent')).state, 'dead')
    assert.equal((await serverRow(world.store, 'beating')).state, 'active')
    assert.deepEqual(
      world.told('server.buried').map((facts) => facts.serverId),
      ['silent'],
    )
  })

  test('loses its devices to others at the same look, with the reason in their history', async () => {
    const silent = await anActiveServer(world, 'silent')
    const beating = await anActiveServer(world, 'beating')
    const devices = await ownedDevices(world, silent, 3)
    const watching = beginSweep(world)
    await watching.look()

    await lookEverySecond(world, watching, 11, [beating])

    const ids = devices.map((device) => device.deviceId)
    assert.deepEqual(await ownersOf(world.store, ids), ['beating', 'beating', 'beating'])
    const history = (await readHistory(world.store, deviceId('silent-device-0'), 9)).rows
    assert.deepEqual(
      new Set(history.map(({ event, serverName, why }) => [event, serverName, why].join(', '))),
      new Set(['evicted, silent, its server silent is gone', 'assigned, beating, its server silent is gone']),
    )
    assert.deepEqual(world.rings, ['beating'])
  })

  test('on Fargate is stopped through ECS, too', async () => {
    await anActiveServer(world, 'silent', { taskArn: 'arn:task/1' })
    const beating = await anActiveServer(world, 'beating', { taskArn: 'arn:task/2' })
    const watching = beginSweep(world)
    await watching.look()

    await lookEverySecond(world, watching, 12, [beating])

    assert.deepEqual(world.stoppedTasks, ['arn:task/1'])
  })

  test('is not buried when it beats between the look and the burial', async () => {
    const silent = await anActiveServer(world, 'silent')
    const beating = await anActiveServer(world, 'beating')
    const lastMoment = interrupted(world.store, 'Servers', async (change) => {
      if (change.set?.state === 'dead') await beat(world.store, world.clock, silent.serverId, 0)
    })
    const watching = beginSweep({ ...world, store: lastMoment })
    await watching.look()

    await lookEverySecond(world, watching, 12, [beating])

    assert.equal((await serverRow(world.store, 'silent')).state, 'active')
  })

  test('is found by no time of day: hours forward or back change nothing', async () => {
    const web1 = await anActiveServer(world, 'web-1')
    const web2 = await anActiveServer(world, 'web-2')
    const { deviceId } = await anOwnedDevice(world, web1)
    const watching = beginSweep(world)
    await watching.look()

    world.clock.setWallBy(5 * 3_600_000)
    await watching.look()
    world.clock.setWallBy(-48 * 3_600_000)
    await watching.look()
    await lookEverySecond(world, watching, 3, [web1, web2])

    assert.deepEqual(await ownersOf(world.store, [deviceId]), ['web-1'])
    assert.deepEqual(world.told('server.buried'), [])
  })

  test('is buried in time by an observer whose time of day jumps', async () => {
    const silent = await anActiveServer(world, 'silent')
    const beating = await anActiveServer(world, 'beating')
    const { deviceId } = await anOwnedDevice(world, silent)
    const watching = beginSweep(world)
    await watching.look()
    await lookEverySecond(world, watching, 5, [beating])

    world.clock.setWallBy(-3_600_000)
    await lookEverySecond(world, watching, 5, [beating])
    const before = await serverRow(world.store, 'silent')
    await lookEverySecond(world, watching, 1, [beating])

    assert.equal(before.state, 'active')
    assert.deepEqual(await ownersOf(world.store, [deviceId]), ['beating'])
  })
})

describe('most servers silent together', () => {
  test('raise one alarm each and keep their devices for one more lease', async () => {
    const [web1, web2, web3] = await activeServers(world, 3)
    assert.ok(web1 && web2 && web3)
    const { deviceId } = await anOwnedDevice(world, web1)
    const watching = beginSweep(world)
    await watching.look()

    await lookEverySecond(world, watching, 15, [web3])
    const braked = await ownersOf(world.store, [deviceId])
    await lookEverySecond(world, watching, 4, [web3])

    assert.deepEqual(braked, ['server-0'])
    assert.equal(world.told('server.burial_deferred').length, 2)
    assert.deepEqual(await ownersOf(world.store, [deviceId]), ['server-2'])
  })

  test('that come back, one after the other, keep their devices', async () => {
    const servers = await activeServers(world, 4)
    const [web1, web2, web3, web4] = servers
    assert.ok(web1 && web2 && web3 && web4)
    const devices = await Promise.all(servers.map((server, n) => anOwnedDevice(world, server, `device-${n}`)))
    const watching = beginSweep(world)
    await watching.look()

    await lookEverySecond(world, watching, 16)
    await lookEverySecond(world, watching, 1, [web1, web2])
    await lookEverySecond(world, watching, 1, [web3, web2])
    await lookEverySecond(world, watching, 9, servers)

    const ids = devices.map((device) => device.deviceId)
    assert.deepEqual(await ownersOf(world.store, ids), ['server-0', 'server-1', 'server-2', 'server-3'])
    assert.deepEqual(world.told('server.buried'), [])
  })

  test('keep their devices when the store failed for everybody, the sweep included', async () => {
    const servers = await activeServers(world, 4)
    const [late] = servers
    assert.ok(late)
    const { deviceId } = await anOwnedDevice(world, late)
    const store = cuttable(world.store)
    const watching = beginSweep({ ...world, store })
    await watching.look()

    store.cut()
    world.clock.advance(30_000)
    await assert.rejects(watching.look(), /cannot be reached/)
    store.mend()
    await beatAll(world, servers.slice(1))
    await watching.look()
    await lookEverySecond(world, watching, 2, servers.slice(1))
    await lookEverySecond(world, watching, 9, servers)

    assert.deepEqual(await ownersOf(world.store, [deviceId]), ['server-0'])
    assert.deepEqual(world.told('server.buried'), [])
  })
})

describe('a device of a server that is gone', () => {
  test('is taken from one that was buried by its exit, and from one that left', async () => {
    const exited = await anActiveServer(world, 'exited')
    const left = await anActiveServer(world, 'left')
    const first = await anOwnedDevice(world, exited, 'device-1')
    const second = await anOwnedDevice(world, left, 'device-2')
    await buryExited(world.store, exited, 'exit code 137')
    await leave(world.store, left)
    await anActiveServer(world, 'other')

    await beginSweep(world).look()

    assert.deepEqual(await ownersOf(world.store, [first.deviceId, second.deviceId]), ['other', 'other'])
  })

  test('is found at a later look, when the index had not yet listed it', async () => {
    const gone = await anActiveServer(world, 'gone')
    const other = await anActiveServer(world, 'other')
    const watching = beginSweep(world)
    await buryExited(world.store, gone, 'exit code 137')
    await watching.look()
    const id = await aDevice(world)
    // A slow assigner: it had reserved before the burial.
    await world.store.update(
      'Devices',
      { deviceId: id },
      { set: { owner: gone.serverId }, remove: ['unassignedShard'], when: [] },
    )

    await lookEverySecond(world, watching, 1, [other])

    assert.deepEqual(await ownersOf(world.store, [id]), ['other'])
  })

  test('is found by the next sweep when it came later than that', async () => {
    const gone = await anActiveServer(world, 'gone')
    const other = await anActiveServer(world, 'other')
    const watching = beginSweep(world)
    await buryExited(world.store, gone, 'exit code 137')
    await lookEverySecond(world, watching, 20, [other])
    const id = await aDevice(world)
    await world.store.update(
      'Devices',
      { deviceId: id },
      { set: { owner: gone.serverId }, remove: ['unassignedShard'], when: [] },
    )

    await beginSweep(world).look()

    assert.deepEqual(await ownersOf(world.store, [id]), ['other'])
  })

  test('is placed elsewhere when its owner has no row any more', async () => {
    const gone = await anActiveServer(world, 'gone')
    const { deviceId } = await anOwnedDevice(world, gone)
    await world.store.remove('Servers', { serverId: gone.serverId })
    const other = await anActiveServer(world, 'other')

    await world.clock.runUntilDone(sweep(world, 1000))

    assert.deepEqual(await ownersOf(world.store, [deviceId]), [other.serverId])
  })

  test('is no orphan when its owner joined while the sweep was searching', async () => {
    const joining: Store = {
      ...world.store,
      async scan(table, part) {
        if (table === 'Devices') await anOwnedDevice(world, await anActiveServer(world, 'newcomer'))
        return world.store.scan(table, part)
      },
    }

    await world.clock.runUntilDone(sweep({ ...world, store: joining }, 1000))

    assert.deepEqual(await ownersOf(world.store, [deviceId('device-1')]), ['newcomer'])
    assert.deepEqual(world.told('device.evicted'), [])
  })

  test('is no orphan while its owner has a row, silent or not', async () => {
    const silent = await anActiveServer(world, 'silent')
    const { deviceId } = await anOwnedDevice(world, silent)
    await anActiveServer(world, 'other')

    await world.clock.runUntilDone(sweep(world, 1000))

    assert.deepEqual(await ownersOf(world.store, [deviceId]), ['silent'])
  })
})

describe('waiting devices', () => {
  test('are claimed at the next look, from every shard of the waiting list', async () => {
    await activeServers(world, 2)
    const ids = await waitingDevices(world, 40)

    await beginSweep(world).look()

    assert.equal((await ownersOf(world.store, ids)).filter(Boolean).length, 40)
  })

  test('are claimed once there is room', async () => {
    const small = await anActiveServer(world, 'small', { capacity: 1 })
    const ids = await waitingDevices(world, 2)
    const watching = beginSweep(world)
    await watching.look()
    const placed = (await ownersOf(world.store, ids)).filter(Boolean).length

    const large = await anActiveServer(world, 'large')
    await lookEverySecond(world, watching, 1, [small, large])

    assert.equal(placed, 1)
    assert.deepEqual(new Set(await ownersOf(world.store, ids)), new Set(['small', 'large']))
  })

  test('that shall stop are taken off the list, those that shall go are erased', async () => {
    const web1 = await anActiveServer(world, 'web-1')
    const stopped = await aPermittedDevice(world, web1, 'stopped')
    const deleted = await aPermittedDevice(world, web1, 'deleted')
    await stop(world.store, world.clock, stopped.device, 'by the operator')
    await requestDeletion(world.store, world.clock, deleted.device)
    await release(world.store, world.clock, { ...stopped, status: 'stopped' })
    await release(world.store, world.clock, { ...deleted, status: 'stopped' })

    await beginSweep(world).look()

    const row = await deviceRow(world.store, stopped.device)
    assert.deepEqual([row.status, row.unassignedShard, row.owner], ['stopped', undefined, undefined])
    assert.equal(await world.store.get('Devices', { deviceId: deleted.device }), undefined)
  })

  test('that shall go are erased by the first look even without any server', async () => {
    const id = await aDevice(world)
    await requestDeletion(world.store, world.clock, id)

    await beginSweep(world).look()

    assert.equal(await world.store.get('Devices', { deviceId: id }), undefined)
  })
})

describe('two sweeps at once', () => {
  test('bury once, evict once, claim once, and every load is true', async () => {
    const silent = await anActiveServer(world, 'silent')
    const others = [await anActiveServer(world, 'web-1'), await anActiveServer(world, 'web-2')]
    const devices = await ownedDevices(world, silent, 20)
    const rival = worldOn(world.store, 2)
    const [one, other] = [beginSweep(world), beginSweep(rival)]
    await Promise.all([one.look(), other.look()])

    await Promise.all([lookEverySecond(world, one, 11, others), lookEverySecond(rival, other, 11, others)])

    const both = [world, rival]
    const owners = await ownersOf(
      world.store,
      devices.map((device) => device.deviceId),
    )
    const rows = await Promise.all(others.map((server) => serverRow(world.store, server.serverId)))
    assert.equal(both.flatMap((each) => each.told('server.buried')).length, 1)
    assert.equal(both.flatMap((each) => each.told('device.evicted')).length, 20)
    assert.equal(both.flatMap((each) => each.told('device.assigned')).length, 20)
    assert.deepEqual(
      rows.map((row) => row.load),
      others.map((server) => owners.filter((owner) => owner === server.serverId).length),
    )
  })
})

describe('the load of a server', () => {
  test('is set to the true count when nothing was assigned for 10 s', async () => {
    const web1 = await anActiveServer(world, 'web-1')
    await ownedDevices(world, web1, 2)
    await reserve(world.store, web1, 5)
    const watching = beginSweep(world)
    await watching.look()

    await lookEverySecond(world, watching, 9, [web1])
    const before = await serverRow(world.store, 'web-1')
    await lookEverySecond(world, watching, 20, [web1])

    assert.equal(before.load, 7)
    assert.equal((await serverRow(world.store, 'web-1')).load, 2)
    assert.deepEqual(
      world.told('server.load_corrected').map(({ from, to }) => [from, to]),
      [[7, 2]],
    )
  })

  test('is raised to the true count, too', async () => {
    const web1 = await anActiveServer(world, 'web-1')
    await ownedDevices(world, web1, 3)
    await unreserve(world.store, web1.serverId, 2)
    const watching = beginSweep(world)
    await watching.look()

    await lookEverySecond(world, watching, 25, [web1])

    assert.equal((await serverRow(world.store, 'web-1')).load, 3)
  })

  test('is left alone while devices are being assigned: a reserve precedes its claim', async () => {
    const web1 = await anActiveServer(world, 'web-1')
    const watching = beginSweep(world)
    await watching.look()

    await lookEverySecond(world, watching, 9, [web1])
    await reserve(world.store, web1, 1)
    await lookEverySecond(world, watching, 9, [web1])

    assert.equal((await serverRow(world.store, 'web-1')).load, 1)
    assert.deepEqual(world.told('server.load_corrected'), [])
  })

  test('is not counted short by a release that has not yet given its room back', async () => {
    const web1 = await anActiveServer(world, 'web-1')
    await anOwnedDevice(world, web1, 'device-2')
    const held = await aPermittedDevice(world, web1)
    await stop(world.store, world.clock, held.device, 'by the operator')
    const watching = beginSweep(world)
    await watching.look()
    await lookEverySecond(world, watching, 9, [web1])
    // The look falls between the two writes of the release.
    const midway = interrupted(world.store, 'Servers', async (change) => {
      if (change.add?.load === -1) await lookEverySecond(world, watching, 1, [web1])
    })

    await release(midway, world.clock, { ...held, status: 'stopped' })

    assert.equal((await serverRow(world.store, 'web-1')).load, 1)
  })
})

describe('a server restarted under its name', () => {
  test('gets back the devices that left when its former self died', async () => {
    const { returned, other, devices } = await aReturn()

    await lookEverySecond(world, beginSweep(world), 1, [returned, other])

    const rows = await Promise.all(devices.map((device) => deviceRow(world.store, device.deviceId)))
    assert.deepEqual(
      rows.map((row) => row.moveTo),
      ['second', 'second'],
    )
    assert.deepEqual(
      rows.map((row) => row.owner),
      ['other', 'other'],
    )
    assert.ok(world.rings.includes(other.serverId))
  })

  test('gets them back, though it waited for its name while its former self was silent', async () => {
    const former = await anActiveServer(world, 'first', { name: 'web-1' })
    const other = await anActiveServer(world, 'other')
    const device = await anOwnedDevice(world, former)
    const me = newcomer('second', { name: 'web-1' })
    await announce(world.store, world.clock, me)
    world.clock.advance(11_000)
    await beatAll(world, [other, me])
    await bury(world.store, former)
    await beginSweep(world).look()

    await hold(world.store, 'name', me.name, me.serverId)
    await activate(world.store, me.serverId)
    await lookEverySecond(world, beginSweep(world), 1, [other, me])

    assert.equal((await deviceRow(world.store, device.deviceId)).moveTo, 'second')
  })

  test('touches no device but its own', async () => {
    const { returned, other } = await aReturn()
    const others = await anOwnedDevice(world, other, 'never-was-there')
    const third = await anActiveServer(world, 'third')
    const theirs = await anOwnedDevice(world, third, 'of-the-third')

    await lookEverySecond(world, beginSweep(world), 1, [returned, other, third])

    assert.equal((await deviceRow(world.store, others.deviceId)).moveTo, undefined)
    assert.equal((await deviceRow(world.store, theirs.deviceId)).moveTo, undefined)
  })

  test('gets a few at a time, no more than eight on their way', async () => {
    const { returned, other, devices } = await aReturn(20)
    const watching = beginSweep(world)

    await lookEverySecond(world, watching, 7, [returned, other])

    const rows = await Promise.all(devices.map((device) => deviceRow(world.store, device.deviceId)))
    assert.equal(rows.filter((row) => row.moveTo === 'second').length, 8)
  })

  test('gets none that stopped', async () => {
    const { returned, other, devices } = await aReturn(1)
    const [stopped] = devices
    assert.ok(stopped)
    await stop(world.store, world.clock, stopped.deviceId, 'by the operator')

    await lookEverySecond(world, beginSweep(world), 1, [returned, other])

    assert.equal((await deviceRow(world.store, stopped.deviceId)).moveTo, undefined)
  })

  test('gets none that has been away for ten minutes', async () => {
    const { returned, other, devices } = await aReturn(1, 'web-1', 10 * 60_000)
    const [device] = devices
    assert.ok(device)

    await lookEverySecond(world, beginSweep(world), 1, [returned, other])

    assert.equal((await deviceRow(world.store, device.deviceId)).moveTo, undefined)
  })

  test('under a new name gets nothing back', async () => {
    const { other, devices } = await aReturn(1, 'web-2')
    const [device] = devices
    assert.ok(device)

    await lookEverySecond(world, beginSweep(world), 1, [other])

    assert.equal((await deviceRow(world.store, device.deviceId)).moveTo, undefined)
  })

  /** `first` (named web-1) died, its devices went to `other`, and `second` has come. */
  async function aReturn(count = 2, nameOfSecond = 'web-1', afterMs = 1000) {
    const former = await anActiveServer(world, 'first', { name: 'web-1' })
    const other = await anActiveServer(world, 'other')
    const devices = await ownedDevices(world, former, count)
    await buryExited(world.store, former, 'exit code 137')
    await beginSweep(world).look()
    world.clock.advance(afterMs)
    const returned = await anActiveServer(world, 'second', { name: nameOfSecond })
    return { former, other, devices, returned }
  }
})

describe('a sweep', () => {
  test('looks once a second for 75 s, longer than until the next one starts', async () => {
    const beating = await anActiveServer(world, 'web-1')
    const begun = world.clock.mark()
    await beatAll(world, [beating])

    await world.clock.runUntilDone(sweep(world))

    assert.equal(world.clock.elapsedMs(begun), 75_000)
    assert.deepEqual(world.told('sweep.finished'), [{ looks: 75 }])
  })

  test('ends early when it is told to', async () => {
    const until = new AbortController()
    until.abort()

    await world.clock.runUntilDone(sweep(world, 75_000, until.signal))

    assert.deepEqual(world.told('sweep.finished'), [{ looks: 0 }])
  })

  test('goes on after a look that failed, and tells of it', async () => {
    const store = cuttable(world.store)
    const web1 = await anActiveServer(world, 'web-1')
    store.cut(3)
    const id = await aDevice(world)

    await world.clock.runUntilDone(sweep({ ...world, store }, 5000))

    assert.equal(world.told('sweep.look_failed').length, 3)
    assert.deepEqual(await ownersOf(world.store, [id]), [web1.serverId])
  })

  test('measures the fleet once', async () => {
    const web1 = await anActiveServer(world, 'web-1', { capacity: 10 })
    const draining = await anActiveServer(world, 'draining')
    await ownedDevices(world, web1, 4)
    await drain(world.store, draining.serverId)
    await beat(world.store, world.clock, web1.serverId, 3)

    await world.clock.runUntilDone(sweep(world, 3000))

    const measured = world.emitted.filter(({ event }) => event === 'sweep.measured')
    assert.deepEqual(
      measured.map(({ measures }) => measures),
      [{ ServersActive: 1, DevicesConnected: 3, DevicesAssigned: 4, DevicesUnassigned: 0, Utilisation: 40 }],
    )
  })

  test('leaves a device alone whose server beats, however often it looks', async () => {
    const web1 = await anActiveServer(world, 'web-1')
    const owned = await anOwnedDevice(world, web1)
    const watching = beginSweep(world)

    await lookEverySecond(world, watching, 30, [web1])

    assert.deepEqual(await deviceRow(world.store, owned.deviceId), owned)
    assert.equal(
      await evict(world.store, world.clock, owned.deviceId, { ...web1, serverId: 'x' as never }),
      false,
    )
  })
})
