import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { reserve, unreserve } from '../../../core/protocol/membership.ts'
import { release } from '../../../core/protocol/ownership.ts'
import { stop } from '../../../core/requests/device-requests.ts'
import { beginSweep } from '../../../core/sweep/sweep.ts'
import {
  anActiveServer,
  anOwnedDevice,
  aPermittedDevice,
  lookEverySecond,
  ownedDevices,
  serverRow,
} from '../../builders/builders.ts'
import { interrupted } from '../../builders/faulty-stores.ts'
import { fresh } from '../../builders/fresh.ts'

const t = fresh()

describe('the load of a server', () => {
  test('is set to the true count when nothing was assigned for 10 s', async () => {
    const web1 = await anActiveServer(t.world, 'web-1')
    await ownedDevices(t.world, web1, 2)
    await reserve(t.world.store, web1, 5)
    const watching = beginSweep(t.world)
    await watching.look()

    await lookEverySecond(t.world, watching, 9, [web1])
    const before = await serverRow(t.world.store, 'web-1')
    await lookEverySecond(t.world, watching, 20, [web1])

    assert.equal(before.load, 7)
    assert.equal((await serverRow(t.world.store, 'web-1')).load, 2)
    assert.deepEqual(
      t.world.told('server.load_corrected').map(({ from, to }) => [from, to]),
      [[7, 2]],
    )
  })

  test('is raised to the true count, too', async () => {
    const web1 = await anActiveServer(t.world, 'web-1')
    await ownedDevices(t.world, web1, 3)
    await unreserve(t.world.store, web1.serverId, 2)
    const watching = beginSweep(t.world)
    await watching.look()

    await lookEverySecond(t.world, watching, 25, [web1])

    assert.equal((await serverRow(t.world.store, 'web-1')).load, 3)
  })

  test('is left alone while devices are being assigned: a reserve precedes its claim', async () => {
    const web1 = await anActiveServer(t.world, 'web-1')
    const watching = beginSweep(t.world)
    await watching.look()

    await lookEverySecond(t.world, watching, 9, [web1])
    await reserve(t.world.store, web1, 1)
    await lookEverySecond(t.world, watching, 9, [web1])

    assert.equal((await serverRow(t.world.store, 'web-1')).load, 1)
    assert.deepEqual(t.world.told('server.load_corrected'), [])
  })

  test('is not counted short by a release that has not yet given its room back', async () => {
    const web1 = await anActiveServer(t.world, 'web-1')
    await anOwnedDevice(t.world, web1, 'device-2')
    const held = await aPermittedDevice(t.world, web1)
    await stop(t.world.store, t.world.clock, held.device, 'by the operator')
    const watching = beginSweep(t.world)
    await watching.look()
    await lookEverySecond(t.world, watching, 9, [web1])
    // The look falls between the two writes of the release.
    const midway = interrupted(t.world.store, 'Servers', async (change) => {
      if (change.add?.load === -1) await lookEverySecond(t.world, watching, 1, [web1])
    })

    await release(midway, t.world.clock, { ...held, status: 'stopped' })

    assert.equal((await serverRow(t.world.store, 'web-1')).load, 1)
  })
})
