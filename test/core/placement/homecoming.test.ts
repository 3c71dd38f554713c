import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { activate, announce, bury, buryExited, hold } from '../../../core/protocol/membership.ts'
import { permit, report } from '../../../core/protocol/ownership.ts'
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
import { fresh } from '../../builders/fresh.ts'

const t = fresh()

describe('a server restarted under its name', () => {
  test('gets back the devices that left when its former self died', async () => {
    const { returned, other, devices } = await aReturn()

    await lookEverySecond(t.world, beginSweep(t.world), 1, [returned, other])

    const rows = await Promise.all(devices.map((device) => deviceRow(t.store, device.deviceId)))
    assert.deepEqual(
      rows.map((row) => row.moveTo),
      ['second', 'second'],
    )
    assert.deepEqual(
      rows.map((row) => row.owner),
      ['other', 'other'],
    )
    assert.ok(t.world.rings.includes(other.serverId))
  })

  test('gets them back, though it waited for its name while its former self was silent', async () => {
    const former = await anActiveServer(t.world, 'first', { name: 'web-1' })
    const other = await anActiveServer(t.world, 'other')
    const device = await anOwnedDevice(t.world, former)
    const me = newcomer('second', { name: 'web-1' })
    await announce(t.store, t.clock, me)
    t.clock.advance(11_000)
    await beatAll(t.world, [other, me])
    await bury(t.store, former)
    await beginSweep(t.world).look()

    await hold(t.store, 'name', me.name, me.serverId)
    await activate(t.store, me.serverId)
    await lookEverySecond(t.world, beginSweep(t.world), 1, [other, me])

    assert.equal((await deviceRow(t.store, device.deviceId)).moveTo, 'second')
  })

  test('touches no device but its own', async () => {
    const { returned, other } = await aReturn()
    const others = await anOwnedDevice(t.world, other, 'never-was-there')
    const third = await anActiveServer(t.world, 'third')
    const theirs = await anOwnedDevice(t.world, third, 'of-the-third')

    await lookEverySecond(t.world, beginSweep(t.world), 1, [returned, other, third])

    assert.equal((await deviceRow(t.store, others.deviceId)).moveTo, undefined)
    assert.equal((await deviceRow(t.store, theirs.deviceId)).moveTo, undefined)
  })

  test('gets a few at a time, no more than eight on their way', async () => {
    const { returned, other, devices } = await aReturn(20)
    const watching = beginSweep(t.world)

    await lookEverySecond(t.world, watching, 7, [returned, other])

    const rows = await Promise.all(devices.map((device) => deviceRow(t.store, device.deviceId)))
    assert.equal(rows.filter((row) => row.moveTo === 'second').length, 8)
  })

  test('gets none that stopped', async () => {
    const { returned, other, devices } = await aReturn(1)
    const [stopped] = devices
    assert.ok(stopped)
    await stop(t.store, t.clock, stopped.deviceId, 'by the operator')

    await lookEverySecond(t.world, beginSweep(t.world), 1, [returned, other])

    assert.equal((await deviceRow(t.store, stopped.deviceId)).moveTo, undefined)
  })

  test('gets none that has been away for ten minutes', async () => {
    const { returned, other, devices } = await aReturn(1, 'web-1', 10 * 60_000)
    const [device] = devices
    assert.ok(device)

    await lookEverySecond(t.world, beginSweep(t.world), 1, [returned, other])

    assert.equal((await deviceRow(t.store, device.deviceId)).moveTo, undefined)
  })

  test('gets a suspect back only when its socket has been well for five seconds', async () => {
    const { returned, other, devices } = await aReturn(1)
    const [device] = devices
    assert.ok(device)
    const { epoch } = await permit(t.store, t.clock, device.deviceId, other.serverId, 1)
    const connected = { set: { status: 'connected', connectedAt: t.clock.wallMs() } } as const
    await report(t.store, t.clock, { device: device.deviceId, server: other.serverId, epoch }, connected)

    await lookEverySecond(t.world, beginSweep(t.world), 4, [returned, other])
    const early = (await deviceRow(t.store, device.deviceId)).moveTo
    await lookEverySecond(t.world, beginSweep(t.world), 2, [returned, other])

    assert.equal(early, undefined)
    assert.equal((await deviceRow(t.store, device.deviceId)).moveTo, 'second')
  })

  test('under a new name gets nothing back', async () => {
    const { other, devices } = await aReturn(1, 'web-2')
    const [device] = devices
    assert.ok(device)

    await lookEverySecond(t.world, beginSweep(t.world), 1, [other])

    assert.equal((await deviceRow(t.store, device.deviceId)).moveTo, undefined)
  })

  /** `first` (named web-1) died, its devices went to `other`, and `second` has come. */
  async function aReturn(count = 2, nameOfSecond = 'web-1', afterMs = 1000) {
    const former = await anActiveServer(t.world, 'first', { name: 'web-1' })
    const other = await anActiveServer(t.world, 'other')
    const devices = await ownedDevices(t.world, former, count)
    await buryExited(t.store, former, 'exit code 137')
    await beginSweep(t.world).look()
    t.clock.advance(afterMs)
    const returned = await anActiveServer(t.world, 'second', { name: nameOfSecond })
    return { former, other, devices, returned }
  }
})
