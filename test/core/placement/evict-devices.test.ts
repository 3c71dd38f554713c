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
import { fresh } from '../../builders/fresh.ts'

const t = fresh()

/** The device connects on one server after another, and each crashes. */
async function afterCrashes(count: number): Promise<{ deviceId: DeviceId; row: DeviceRow }> {
  let server = await anActiveServer(t, 'web-1')
  const { deviceId } = await anOwnedDevice(t, server)
  await permit(t.store, t.clock, deviceId, server.serverId)
  for (let crashes = 1; ; crashes++) {
    await buryExited(t.store, server, 'exit code 1', true)
    await evictFrom(t.world, await serverRow(t.store, server.serverId))
    const row = await deviceRow(t.store, deviceId)
    if (crashes === count) return { deviceId, row }
    server = await anActiveServer(t, `web-${crashes + 1}`)
    await claim(t.store, t.clock, aClaim(deviceId, server))
    await permit(t.store, t.clock, deviceId, server.serverId, row.suspicion)
  }
}

describe('a device whose servers crash while it connects', () => {
  test('is placed again after two of them, with its suspicion in its row', async () => {
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
    assert.equal(row.quarantinedAt, t.clock.wallMs())
    assert.equal(t.world.told('device.quarantined').length, 1)
    const { rows } = await readHistory(t.store, deviceId, 50)
    assert.ok(rows.some(({ event }) => event === 'quarantined'))
  })

  test('gets no server while it is quarantined, neither from placement nor by a claim', async () => {
    const { deviceId } = await afterCrashes(3)
    const other = await anActiveServer(t, 'other')
    const placements = await assign(t.world, [deviceId])
    assert.deepEqual(placements, [{ deviceId, outcome: 'not_wanted' }])
    await assert.rejects(claim(t.store, t.clock, aClaim(deviceId, other)), {
      code: 'NOT_WANTED',
      message: 'device "device-1" is quarantined',
    })
  })

  test('gets a server again when an operator starts it, and nothing is held against it', async () => {
    const { deviceId } = await afterCrashes(3)
    await anActiveServer(t, 'other')
    await start(t.store, t.clock, deviceId)
    await assign(t.world, [deviceId])
    const row = await deviceRow(t.store, deviceId)
    assert.equal(row.owner, 'other')
    assert.equal(row.suspicion, undefined)
    assert.equal(row.quarantinedAt, undefined)
  })

  test('can be stopped and started while it is quarantined', async () => {
    const { deviceId } = await afterCrashes(3)
    await stop(t.store, t.clock, deviceId, 'by the operator')
    assert.equal((await deviceRow(t.store, deviceId)).status, 'stopped')
    await start(t.store, t.clock, deviceId)
    assert.equal((await deviceRow(t.store, deviceId)).status, 'unassigned')
  })

  for (const [request, ask] of [
    ['deleted', (id: DeviceId) => requestDeletion(t.store, t.clock, id)],
    ['stopped', (id: DeviceId) => stop(t.store, t.clock, id, 'by the operator')],
  ] as const) {
    test(`is ${request} and not quarantined when an operator asked for that before its last server died`, async () => {
      const { deviceId, row } = await afterCrashes(2)
      const server = await anActiveServer(t, 'last')
      await claim(t.store, t.clock, aClaim(deviceId, server))
      await permit(t.store, t.clock, deviceId, server.serverId, row.suspicion)
      await ask(deviceId)

      await buryExited(t.store, server, 'exit code 1', true)
      const waiting = await evictFrom(t.world, await serverRow(t.store, server.serverId))
      await assign(t.world, waiting)

      const left = await t.store.get('Devices', { deviceId })
      assert.equal(left?.status, request === 'deleted' ? undefined : request)
      assert.equal(left?.quarantinedAt, undefined)
    })
  }

  test('is quarantined within a limit for the fleet and the hour, beyond which it stays a suspect', async () => {
    for (let device = 0; device < 10; device++) await quarantinedAtOnce(`poison-${device}`)
    const late = await quarantinedAtOnce('late')
    assert.equal(late.status, 'unassigned')
    assert.equal(late.suspicion, 6)
    assert.equal(t.world.told('device.quarantine_deferred').length, 1)
    t.clock.advance(3_600_000)
    assert.equal((await quarantinedAtOnce('next-hour')).status, 'quarantined')
  })
})

/** A device that needs one more crash, and its server's crash. */
async function quarantinedAtOnce(id: string): Promise<DeviceRow> {
  const server = await anActiveServer(t, `server-of-${id}`)
  const { deviceId } = await anOwnedDevice(t, server, id)
  await permit(t.store, t.clock, deviceId, server.serverId, 4)
  await buryExited(t.store, server, 'exit code 1', true)
  await evictFrom(t.world, await serverRow(t.store, server.serverId))
  return deviceRow(t.store, deviceId)
}

describe('the devices of a server that died', () => {
  const suspicions = async (gone: ServerRow, ids: readonly DeviceId[]) => {
    await evictFrom(t.world, await serverRow(t.store, gone.serverId))
    return Promise.all(ids.map(async (id) => (await deviceRow(t.store, id)).suspicion))
  }

  test('are told apart by their work: named, in probation, or well', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const named = await aPermittedDevice(t, web1, 'named')
    const well = await aPermittedDevice(t, web1, 'well')
    const connecting = await aPermittedDevice(t, web1, 'connecting')
    const longAgo = t.clock.wallMs() - 3_000_000
    await report(t.store, t.clock, named, { set: { status: 'connected', connectedAt: longAgo } })
    await report(t.store, t.clock, well, { set: { status: 'connected', connectedAt: longAgo } })

    await crash(t.store, web1, 'an error', [named.device])

    assert.deepEqual(await suspicions(web1, [named.device, well.device, connecting.device]), [
      2,
      undefined,
      2,
    ])
  })

  test('get no points when the server was stopped from outside, or half of them when connecting', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const well = await aPermittedDevice(t, web1, 'well')
    const connecting = await aPermittedDevice(t, web1, 'connecting')
    await report(t.store, t.clock, well, {
      set: { status: 'connected', connectedAt: t.clock.wallMs() - 60_000 },
    })

    await buryExited(t.store, web1, 'exit code 137')

    assert.deepEqual(await suspicions(web1, [well.device, connecting.device]), [undefined, 1])
  })

  test('are judged by their rows, even where the index shows older rows', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const { deviceId } = await anOwnedDevice(t, web1)
    const listed = await deviceRow(t.store, deviceId)
    await permit(t.store, t.clock, deviceId, web1.serverId)
    await buryExited(t.store, web1, 'exit code 1', true)
    const lagging = { ...t.store, query: async () => ({ rows: [listed] }) } as typeof t.store

    await evictFrom({ ...t.world, store: lagging }, await serverRow(t.store, web1.serverId))

    assert.equal((await deviceRow(t.store, deviceId)).suspicion, 2)
  })

  test('go to different servers when they are suspects', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const suspects = await Promise.all(['a', 'b', 'c'].map((id) => aPermittedDevice(t, web1, id)))
    for (const name of ['web-2', 'web-3', 'web-4']) await anActiveServer(t, name)
    await buryExited(t.store, web1, 'exit code 1', true)

    await assign(t.world, await evictFrom(t.world, await serverRow(t.store, web1.serverId)))

    const owners = await Promise.all(
      suspects.map(async ({ device }) => (await deviceRow(t.store, device)).owner),
    )
    assert.equal(new Set(owners).size, 3)
  })
})

test('a dying server buries itself, and names the devices that it was at work for', async () => {
  const web1 = await anActiveServer(t, 'web-1')
  const { deviceId } = await anOwnedDevice(t, web1)

  await crash(t.store, web1, 'an error that belongs to no device', [deviceId])

  const { state, crashed, suspects, stateReason } = await serverRow(t.store, web1.serverId)
  assert.equal(state, 'dead')
  assert.equal(crashed, true)
  assert.deepEqual(suspects, [deviceId])
  assert.equal(stateReason, 'an error that belongs to no device')
  await anActiveServer(t, 'next', { name: 'web-1' })
})

test('the last words of a server that is buried already change nothing', async () => {
  const web1 = await anActiveServer(t, 'web-1')
  await buryExited(t.store, web1, 'exit code 137')
  await crash(t.store, web1, 'too late', [])
  assert.equal((await serverRow(t.store, web1.serverId)).crashed, undefined)
})
