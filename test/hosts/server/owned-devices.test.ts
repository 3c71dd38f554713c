import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { DeviceId } from '../../../core/ids.ts'
import { claim, release } from '../../../core/protocol/ownership.ts'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import type { Store } from '../../../core/store/store.ts'
import type { DeviceConnection } from '../../../hosts/device/connection.ts'
import { createOwnedDevices } from '../../../hosts/server/owned-devices.ts'
import {
  aClaim,
  anActiveServer,
  anOwnedDevice,
  aWorld,
  embeddedTables,
  ownedDevices,
  type Tables,
} from '../../builders/builders.ts'

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables.close())

/** A connection that only notes what it is told. */
function aConnection(deviceId: DeviceId) {
  const ended = Promise.withResolvers<{ released: boolean }>()
  const noticed: DeviceRow[] = []
  const state = { isConnected: false, isActive: false }
  const connection: DeviceConnection = {
    deviceId,
    notice: (row) => void noticed.push(row),
    isConnected: () => state.isConnected,
    wasActive: () => state.isActive,
    send: async () => undefined,
    fence: () => undefined,
    leave: () => undefined,
    ended: ended.promise,
  }
  return { connection, noticed, state, end: () => ended.resolve({ released: true }) }
}

interface Listings {
  count: number
  /** Holds up every listing. */
  delay?: Promise<void>
  fail?: boolean
  /** Rows that a lagging index shows instead of the present ones. */
  shown?: DeviceRow[]
}

/** An active server whose connections are the test's. */
async function aServer() {
  const world = await aWorld(tables)
  const server = await anActiveServer(world, 'server-1')
  const held: ReturnType<typeof aConnection>[] = []
  const lease = { isValid: true }
  const listings: Listings = { count: 0 }
  const store: Store = {
    ...world.store,
    async query(table, query) {
      listings.count += 1
      await listings.delay
      if (listings.fail) throw new Error('the store cannot be reached')
      const page = await world.store.query(table, query)
      return listings.shown ? ({ ...page, rows: listings.shown } as never) : page
    },
  }
  const owned = createOwnedDevices({
    world: { ...world, store },
    serverId: server.serverId,
    hold({ deviceId }) {
      const connection = aConnection(deviceId)
      held.push(connection)
      return connection.connection
    },
    mayList: () => lease.isValid,
  })
  return { world, server, owned, held, lease, listings }
}

const settled = () => new Promise<void>((resolve) => setTimeout(resolve, 50))

test('a device that the index lists is held, and counted as connected when its socket is open', async () => {
  const { world, server, owned, held } = await aServer()
  const { deviceId } = await anOwnedDevice(world, server)
  await owned.list()
  assert.equal(owned.count(), 1)
  assert.equal(owned.get(deviceId), held[0]?.connection)
  assert.equal(owned.connectedCount(), 0)
  if (held[0]) held[0].state.isConnected = true
  assert.equal(owned.connectedCount(), 1)
})

test('a device that is held already is told of its row instead of being held twice', async () => {
  const { world, server, owned, held } = await aServer()
  const { deviceId } = await anOwnedDevice(world, server)
  await owned.list()
  await owned.list()
  assert.equal(held.length, 1)
  assert.equal(held[0]?.noticed[0]?.deviceId, deviceId)
})

test('a held device that the index no longer lists is told of its row', async () => {
  const { world, server, owned, held } = await aServer()
  const { deviceId, epoch } = await anOwnedDevice(world, server)
  await owned.list()
  const { store, clock } = world
  await release(store, clock, { device: deviceId, server: server.serverId, epoch, status: 'unassigned' })
  await owned.list()
  assert.equal(held[0]?.noticed.length, 1)
  assert.equal(held[0]?.noticed[0]?.owner, undefined)
})

test('a device whose connection has ended is held no longer', async () => {
  const { world, server, owned, held } = await aServer()
  await anOwnedDevice(world, server)
  await owned.list()
  held[0]?.end()
  await settled()
  assert.equal(owned.count(), 0)
})

/** A server that has just released a device, which the index still lists. */
async function afterRelease() {
  const scene = await aServer()
  const { world, server, owned, held, listings } = scene
  const device = await anOwnedDevice(world, server)
  await owned.list()
  const { deviceId, epoch } = device
  await release(world.store, world.clock, {
    device: deviceId,
    server: server.serverId,
    epoch,
    status: 'unassigned',
  })
  held[0]?.end()
  await settled()
  listings.shown = [device]
  return { ...scene, device }
}

test('a released device that the lagging index still lists is not taken up again', async () => {
  const { owned, held } = await afterRelease()
  await owned.list()
  assert.equal(held.length, 1)
  assert.equal(owned.count(), 0)
})

test('a device that is given back to its server right after the release is taken up again', async () => {
  const { world, server, owned, held, device } = await afterRelease()
  await claim(world.store, world.clock, aClaim(device.deviceId, server))
  await owned.list()
  assert.equal(held.length, 2)
})

test('ten seconds after a release the index is trusted again', async () => {
  const { world, owned, held } = await afterRelease()
  world.clock.advance(10_000)
  await owned.list()
  assert.equal(held.length, 2)
})

test('a beat lists the devices for ten seconds after `assignmentSeq` has risen, and then every 30 s', async () => {
  const { world, owned, listings } = await aServer()
  const beat = async (assignmentSeq: number, afterMs: number) => {
    world.clock.advance(afterMs)
    const before = listings.count
    owned.acknowledged({ assignmentSeq })
    await settled()
    return listings.count - before
  }
  assert.equal(await beat(1, 0), 1)
  assert.equal(await beat(1, 9999), 1)
  assert.equal(await beat(1, 1), 0)
  assert.equal(await beat(1, 29_998), 0)
  assert.equal(await beat(1, 1), 1)
  assert.equal(await beat(2, 2000), 1)
})

test('the doorbell lists at once, and counts as a change', async () => {
  const { world, owned, listings } = await aServer()
  owned.acknowledged({ assignmentSeq: 1 })
  await settled()
  world.clock.advance(20_000)
  owned.ring()
  await settled()
  assert.equal(listings.count, 2)
  world.clock.advance(5000)
  owned.acknowledged({ assignmentSeq: 1 })
  await settled()
  assert.equal(listings.count, 3)
})

test('the doorbell lists nothing without a lease', async () => {
  const { owned, listings, lease } = await aServer()
  lease.isValid = false
  owned.ring()
  await settled()
  assert.equal(listings.count, 0)
})

test('calls during a listing make one more follow, and only one', async () => {
  const { owned, listings } = await aServer()
  const delay = Promise.withResolvers<void>()
  listings.delay = delay.promise
  owned.ring()
  owned.ring()
  owned.ring()
  await settled()
  assert.equal(listings.count, 1)
  delay.resolve()
  await settled()
  assert.equal(listings.count, 2)
})

test('no listing follows when the lease ended during the one before', async () => {
  const { owned, listings, lease } = await aServer()
  const delay = Promise.withResolvers<void>()
  listings.delay = delay.promise
  owned.ring()
  owned.ring()
  lease.isValid = false
  delay.resolve()
  await settled()
  assert.equal(listings.count, 1)
})

test('a listing that fails is told, and the next one takes up the device', async () => {
  const { world, server, owned, listings } = await aServer()
  await anOwnedDevice(world, server)
  listings.fail = true
  owned.ring()
  await settled()
  assert.equal(world.told('server.failed').length, 1)
  listings.fail = false
  owned.ring()
  await settled()
  assert.equal(owned.count(), 1)
})

test('the devices at work are named when there are at most eight of them', async () => {
  const { world, server, owned, held } = await aServer()
  const devices = await ownedDevices(world, server, 9)
  await owned.list()
  const activate = (count: number) => {
    for (const { state } of held.slice(0, count)) state.isActive = true
  }
  assert.deepEqual(owned.atWork(), [])
  activate(8)
  assert.deepEqual(
    owned.atWork()?.sort(),
    held
      .slice(0, 8)
      .map(({ connection }) => connection.deviceId)
      .sort(),
  )
  activate(devices.length)
  assert.equal(owned.atWork(), undefined)
})
