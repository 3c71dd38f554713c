import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DeviceId } from '../../../core/ids.ts'
import { assign } from '../../../core/placement/assign.ts'
import { evictFrom } from '../../../core/placement/evict-devices.ts'
import { buryExited, crash } from '../../../core/protocol/membership.ts'
import { claim, permit, report } from '../../../core/protocol/ownership.ts'
import { requestDeletion, start, stop } from '../../../core/requests/device-requests.ts'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import type { ServerRow } from '../../../core/store/server-row.ts'
import { readHistory } from '../../../core/telemetry/history.ts'
import {
  aClaim,
  anActiveServer,
  anOwnedDevice,
  aPermittedDevice,
  deviceRow,
  serverRow,
} from '../../builders/builders.ts'
import { at, clock, store, world } from '../../builders/each-afresh.ts'

/** The device connects on one server after another, and each crashes. */
async function afterCrashes(count: number): Promise<{ deviceId: DeviceId; row: DeviceRow }> {
  let server = await anActiveServer(at, 'web-1')
  const { deviceId } = await anOwnedDevice(at, server)
  await permit(store, clock, deviceId, server.serverId)
  for (let crashes = 1; ; crashes++) {
    await buryExited(store, server, 'exit code 1', true)
    await evictFrom(world, await serverRow(store, server.serverId))
    const row = await deviceRow(store, deviceId)
    if (crashes === count) return { deviceId, row }
    server = await anActiveServer(at, `web-${crashes + 1}`)
    await claim(store, clock, aClaim(deviceId, server))
    await permit(store, clock, deviceId, server.serverId, row.suspicion)
  }
}

describe('a device whose servers crash while it connects', () => {
  test('is placed again after two of them, and what is held against it stands in its row', async () => {
    const { row } = await afterCrashes(2)
    assert.equal(row.status, 'unassigned')
    assert.equal(row.suspicion, 4)
  })

  test('is quarantined after three of them, and still wanted', async () => {
    const { deviceId, row } = await afterCrashes(3)
    assert.equal(row.status, 'quarantined')
    assert.equal(row.desired, 'running')
    assert.equal(row.owner, undefined)
    assert.equal(row.unassignedShard, undefined)
    assert.equal(row.quarantinedAt, clock.wallMs())
    assert.equal(world.told('device.quarantined').length, 1)
    const { rows } = await readHistory(store, deviceId, 50)
    assert.ok(rows.some(({ event }) => event === 'quarantined'))
  })

  test('gets no server while it is quarantined, by whatever way', async () => {
    const { deviceId } = await afterCrashes(3)
    const other = await anActiveServer(at, 'other')
    const placements = await assign(world, [deviceId])
    assert.deepEqual(placements, [{ deviceId, outcome: 'not_wanted' }])
    await assert.rejects(claim(store, clock, aClaim(deviceId, other)), {
      code: 'NOT_WANTED',
      message: 'device "device-1" is quarantined',
    })
  })

  test('gets one again when an operator starts it, and nothing is held against it', async () => {
    const { deviceId } = await afterCrashes(3)
    await anActiveServer(at, 'other')
    await start(store, clock, deviceId)
    await assign(world, [deviceId])
    const row = await deviceRow(store, deviceId)
    assert.equal(row.owner, 'other')
    assert.equal(row.suspicion, undefined)
    assert.equal(row.quarantinedAt, undefined)
  })

  test('can be stopped and started while it is quarantined', async () => {
    const { deviceId } = await afterCrashes(3)
    await stop(store, clock, deviceId, 'by the operator')
    assert.equal((await deviceRow(store, deviceId)).status, 'stopped')
    await start(store, clock, deviceId)
    assert.equal((await deviceRow(store, deviceId)).status, 'unassigned')
  })

  for (const [wish, ask] of [
    ['deleted', (id: DeviceId) => requestDeletion(store, clock, id)],
    ['stopped', (id: DeviceId) => stop(store, clock, id, 'by the operator')],
  ] as const) {
    test(`is ${wish} and not quarantined when that was asked for before its last server died`, async () => {
      const { deviceId, row } = await afterCrashes(2)
      const server = await anActiveServer(at, 'last')
      await claim(store, clock, aClaim(deviceId, server))
      await permit(store, clock, deviceId, server.serverId, row.suspicion)
      await ask(deviceId)

      await buryExited(store, server, 'exit code 1', true)
      const waiting = await evictFrom(world, await serverRow(store, server.serverId))
      await assign(world, waiting)

      const left = await store.get('Devices', { deviceId })
      assert.deepEqual(
        [left?.status, left?.quarantinedAt],
        [wish === 'deleted' ? undefined : wish, undefined],
      )
    })
  }

  test('is quarantined within a limit for the fleet and the hour, beyond which it stays a suspect', async () => {
    for (let device = 0; device < 10; device++) await quarantinedAtOnce(`poison-${device}`)
    const late = await quarantinedAtOnce('late')
    assert.equal(late.status, 'unassigned')
    assert.equal(late.suspicion, 6)
    assert.equal(world.told('device.quarantine_deferred').length, 1)
    clock.advance(3_600_000)
    assert.equal((await quarantinedAtOnce('next-hour')).status, 'quarantined')
  })
})

/** A device that needs one more crash, and its server's crash. */
async function quarantinedAtOnce(id: string): Promise<DeviceRow> {
  const server = await anActiveServer(at, `server-of-${id}`)
  const { deviceId } = await anOwnedDevice(at, server, id)
  await permit(store, clock, deviceId, server.serverId, 4)
  await buryExited(store, server, 'exit code 1', true)
  await evictFrom(world, await serverRow(store, server.serverId))
  return deviceRow(store, deviceId)
}

describe('the devices of a server that died', () => {
  const suspicions = async (gone: ServerRow, ids: readonly DeviceId[]) => {
    await evictFrom(world, await serverRow(store, gone.serverId))
    return Promise.all(ids.map(async (id) => (await deviceRow(store, id)).suspicion))
  }

  test('are told apart by what each was doing: named, in probation, or well', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    const named = await aPermittedDevice(at, web1, 'named')
    const well = await aPermittedDevice(at, web1, 'well')
    const connecting = await aPermittedDevice(at, web1, 'connecting')
    const longAgo = clock.wallMs() - 3_000_000
    await report(store, clock, named, { set: { status: 'connected', connectedAt: longAgo } })
    await report(store, clock, well, { set: { status: 'connected', connectedAt: longAgo } })

    await crash(store, web1, 'an error', [named.device])

    assert.deepEqual(await suspicions(web1, [named.device, well.device, connecting.device]), [
      2,
      undefined,
      2,
    ])
  })

  test('are under no suspicion when it was stopped from outside, but for half of it while they connected', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    const well = await aPermittedDevice(at, web1, 'well')
    const connecting = await aPermittedDevice(at, web1, 'connecting')
    await report(store, clock, well, { set: { status: 'connected', connectedAt: clock.wallMs() - 60_000 } })

    await buryExited(store, web1, 'exit code 137')

    assert.deepEqual(await suspicions(web1, [well.device, connecting.device]), [undefined, 1])
  })

  test('are judged by their rows, even where the index shows older ones', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    const { deviceId } = await anOwnedDevice(at, web1)
    const listed = await deviceRow(store, deviceId)
    await permit(store, clock, deviceId, web1.serverId)
    await buryExited(store, web1, 'exit code 1', true)
    const lagging = { ...store, query: async () => ({ rows: [listed] }) } as typeof store

    await evictFrom({ ...world, store: lagging }, await serverRow(store, web1.serverId))

    assert.equal((await deviceRow(store, deviceId)).suspicion, 2)
  })

  test('go to different servers when they are suspects', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    const suspects = await Promise.all(['a', 'b', 'c'].map((id) => aPermittedDevice(at, web1, id)))
    for (const name of ['web-2', 'web-3', 'web-4']) await anActiveServer(at, name)
    await buryExited(store, web1, 'exit code 1', true)

    await assign(world, await evictFrom(world, await serverRow(store, web1.serverId)))

    const owners = await Promise.all(
      suspects.map(async ({ device }) => (await deviceRow(store, device)).owner),
    )
    assert.equal(new Set(owners).size, 3)
  })
})

test('a dying server buries itself, with the devices that it was at work for', async () => {
  const web1 = await anActiveServer(at, 'web-1')
  const { deviceId } = await anOwnedDevice(at, web1)

  await crash(store, web1, 'an error that belongs to no device', [deviceId])

  const { state, crashed, suspects, stateReason } = await serverRow(store, web1.serverId)
  assert.equal(state, 'dead')
  assert.equal(crashed, true)
  assert.deepEqual(suspects, [deviceId])
  assert.equal(stateReason, 'an error that belongs to no device')
  await anActiveServer(at, 'next', { name: 'web-1' })
})

test('last words of a server that is buried already change nothing', async () => {
  const web1 = await anActiveServer(at, 'web-1')
  await buryExited(store, web1, 'exit code 137')
  await crash(store, web1, 'too late', [])
  assert.equal((await serverRow(store, web1.serverId)).crashed, undefined)
})
