import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { systemClock } from '../../../core/clock.ts'
import { requestMove, stop } from '../../../core/requests/device-requests.ts'
import type { OwnedDevice } from '../../../core/store/device-row.ts'
import { keepConnection } from '../../../hosts/device/connection.ts'
import type { HostWorld, ServerContext } from '../../../hosts/world.ts'
import {
  anActiveServer,
  anOwnedDevice,
  aWorld,
  deviceRow,
  embeddedTables,
  type Tables,
  type TestWorld,
} from '../../builders/builders.ts'

let tables: Tables

before(async () => {
  tables = await embeddedTables()
})

after(() => tables.close())

const REQUESTS = {
  move: ({ store, clock }: TestWorld, { deviceId, owner }: OwnedDevice) =>
    requestMove(store, clock, { device: deviceId, from: owner, to: 'any', why: 'a test' }),
  stop: ({ store, clock }: TestWorld, { deviceId }: OwnedDevice) => stop(store, clock, deviceId, 'by a test'),
}

for (const what of ['move', 'stop'] as const) {
  test(`a device that is asked to ${what} while it waits for its turn to connect is let go at once`, async () => {
    const world = await aWorld(tables)
    const server = await anActiveServer(world, 'web-1')
    const device = await anOwnedDevice(world, server)
    const connection = keepConnection(hostWorld(world), aServerWithoutTurns(device), device.deviceId)
    const row = await REQUESTS[what](world, device)
    connection.notice(row ?? device)
    assert.deepEqual(await connection.ended, { released: true })
    assert.equal((await deviceRow(world.store, device.deviceId)).owner, undefined)
  })
}

function hostWorld(world: TestWorld): HostWorld {
  return { ...world, clock: systemClock, requestPlacement: async () => undefined } as unknown as HostWorld
}

/** So many others connect that nobody else gets a turn. */
function aServerWithoutTurns({ owner }: OwnedDevice): ServerContext {
  const turn = (until: AbortSignal) =>
    new Promise<boolean>((resolve) => until.addEventListener('abort', () => resolve(false)))
  return {
    serverId: owner,
    name: 'web-1',
    lease: { renew() {}, revoke() {}, isValid: () => true, remainingMs: () => 8000 },
    limiter: { turn, setRate() {}, waiting: () => 1 },
    suspects: { enter: async () => undefined },
    backoff: { baseMs: 1000, capMs: 60_000 },
    takeSurplus: () => false,
    mayAct: () => true,
    leaseValid: async () => undefined,
  }
}
