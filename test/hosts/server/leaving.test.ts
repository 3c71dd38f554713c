import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { systemClock } from '../../../core/clock.ts'
import type { DeviceId } from '../../../core/ids.ts'
import { claim, release } from '../../../core/protocol/ownership.ts'
import type { ServerRow } from '../../../core/store/server-row.ts'
import { type Holdings, releaseEverything } from '../../../hosts/server/leaving.ts'
import {
  aClaim,
  anActiveServer,
  aWorld,
  deviceRow,
  embeddedTables,
  ownedDevices,
  ownersOf,
  serverRow,
  type Tables,
  type TestWorld,
} from '../../builders/builders.ts'
import { cuttable } from '../../builders/faulty-stores.ts'

const LANES = 16
const CONNECT_MS = 300

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables.close())

/** A server whose connections release their devices when they are told to leave.
 *  @param placed whether each device is then given to `other`, which connects it */
async function aLeaver(count: number, placed: boolean) {
  const world = await aWorld(tables)
  const me = await anActiveServer(world, 'leaver')
  const other = await anActiveServer(world, 'other')
  const ids = (await ownedDevices(world, me, count)).map((row) => row.deviceId)
  const apart = { now: 0, max: 0 }
  const released = new Set<DeviceId>()
  const connections = ids.map((deviceId) => {
    const gone = Promise.withResolvers<{ released: boolean }>()
    const leave = () => {
      apart.max = Math.max(apart.max, ++apart.now)
      void releaseDevice(world, me, deviceId).then(async () => {
        released.add(deviceId)
        gone.resolve({ released: true })
        if (!placed) return
        await claim(world.store, world.clock, aClaim(deviceId, other))
        await new Promise((resolve) => setTimeout(resolve, CONNECT_MS))
        apart.now--
        await world.store.update('Devices', { deviceId }, { set: { status: 'connected' }, when: [] })
      })
    }
    return { deviceId, ended: gone.promise, leave }
  })
  const holdings: Holdings = {
    serverId: me.serverId,
    name: me.name,
    list: async () => undefined,
    connections: () => connections.filter(({ deviceId }) => !released.has(deviceId)),
  }
  return { world, me, ids, holdings, apart }
}

async function releaseDevice(
  { store, clock }: TestWorld,
  { serverId }: ServerRow,
  device: DeviceId,
): Promise<void> {
  const { epoch } = await deviceRow(store, device)
  await release(store, clock, { device, server: serverId, epoch, status: 'unassigned' })
}

test('a server that leaves keeps all but 16 devices until others have settled elsewhere', async () => {
  const { world, ids, holdings, apart } = await aLeaver(40, true)

  await releaseEverything({ ...world, clock: systemClock }, holdings)

  assert.equal(apart.max, LANES)
  assert.ok((await ownersOf(world.store, ids)).every((owner) => owner === 'other'))
})

test('a server that leaves says so in its row, so that no operator calls it back', async () => {
  const { world, holdings } = await aLeaver(0, true)

  await world.clock.runUntilDone(releaseEverything(world, holdings))

  const { state, leaving } = await serverRow(world.store, 'leaver')
  assert.equal(state, 'draining')
  assert.equal(leaving, true)
})

test('a server that leaves releases the rest without waiting when no other server has room', async () => {
  const { world, ids, holdings } = await aLeaver(64, false)
  const begun = world.clock.mark()

  await world.clock.runUntilDone(releaseEverything(world, holdings))

  assert.ok(world.clock.elapsedMs(begun) < 4000, `${world.clock.elapsedMs(begun)} ms`)
  assert.ok((await ownersOf(world.store, ids)).every((owner) => owner === undefined))
})

test('a store that fails for a moment does not turn the leave into evictions', async () => {
  const { world, ids, holdings } = await aLeaver(3, false)
  const store = cuttable(world.store)
  store.cut(3)

  await world.clock.runUntilDone(releaseEverything({ ...world, store }, holdings))

  assert.ok((await ownersOf(world.store, ids)).every((owner) => owner === undefined))
})

test('a store that stays away ends the leave with an error', async () => {
  const { world, holdings } = await aLeaver(1, false)
  const store = cuttable(world.store)
  store.cut()

  await assert.rejects(
    world.clock.runUntilDone(releaseEverything({ ...world, store }, holdings)),
    /cannot be reached/,
  )
})
