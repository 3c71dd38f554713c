import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { activate, announce, bury, buryExited, hold } from '../../../core/protocol/membership.ts'
import { stop } from '../../../core/requests/device-requests.ts'
import { beginSweep } from '../../../core/sweep/sweep.ts'
import {
  anActiveServer,
  anOwnedDevice,
  beatAll,
  deviceRow,
  lookEverySecond,
  newcomer,
  ownedDevices,
} from '../../builders/builders.ts'
import { world } from '../../builders/each-afresh.ts'

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
