/** A server that drains, and servers that do what their devices' rows ask for. Used by the drain tests; it
 *  asserts nothing itself. */

import type { DeviceId } from '../../../core/ids.ts'
import { beginDrain, type DrainRequest } from '../../../core/operations/drain-requests.ts'
import { drainId, readOperation } from '../../../core/operations/operations.ts'
import { advanceOperations } from '../../../core/operations/steps.ts'
import { assign } from '../../../core/placement/assign.ts'
import { release } from '../../../core/protocol/ownership.ts'
import type { Drain } from '../../../core/store/operation-row.ts'
import type { ServerRow } from '../../../core/store/server-row.ts'
import { queryAll } from '../../../core/store/store.ts'
import type { TestWorld } from '../../builders/builders.ts'
import * as build from '../../builders/builders.ts'

/** A server with devices, another with room for `room` of them, and a drain of the first. */
export async function aDrain(
  tables: build.Tables,
  { devices = 6, room = 100, ...request }: Partial<DrainRequest> & { devices?: number; room?: number } = {},
) {
  const world = await build.aWorld(tables)
  const from = await build.anActiveServer(world, 'from')
  const to = await build.anActiveServer(world, 'to', { capacity: room })
  const owned = await build.ownedDevices(world, from, devices)
  const ids = owned.map(({ deviceId }) => deviceId)
  const server = await build.serverRow(world.store, from.serverId)
  await beginDrain(world, server, { askedBy: 'key-1', atOnce: 2, ...request })
  const operation = async () => (await readOperation(world.store, drainId(from.serverId))) as Drain
  return { world, from, to, ids, operation }
}

/** Plays the server: it releases the devices that are asked to move. */
export async function releaseAsked(world: TestWorld, { serverId }: ServerRow): Promise<DeviceId[]> {
  const owned = await queryAll(world.store, 'Devices', { index: 'byOwner', partition: serverId })
  const asked = owned.filter(({ moveTo }) => moveTo !== undefined)
  for (const { deviceId: device, epoch } of asked) {
    await release(world.store, world.clock, { device, server: serverId, epoch, status: 'unassigned' })
  }
  return asked.map(({ deviceId }) => deviceId)
}

export async function connect(world: TestWorld, ids: readonly DeviceId[]): Promise<void> {
  for (const deviceId of ids) {
    await world.store.update('Devices', { deviceId }, { set: { status: 'connected' }, when: [] })
  }
}

/** Looks again and again until the drain has ended; the servers do what they are asked. */
export async function runToItsEnd(
  world: TestWorld,
  from: ServerRow,
  operation: () => Promise<Drain>,
): Promise<Drain[]> {
  const seen: Drain[] = []
  for (let look = 0; look < 30; look++) {
    await advanceOperations(world)
    const row = await operation()
    seen.push(row)
    if (row.state !== 'running') return seen
    const ids = await releaseAsked(world, from)
    await assign(world, ids)
    await connect(world, ids)
  }
  throw new Error(`not within 30 looks: ${JSON.stringify(seen.at(-1))}`)
}

export async function askedToMove(world: TestWorld, ids: readonly DeviceId[]): Promise<number> {
  const rows = await Promise.all(ids.map((id) => build.deviceRow(world.store, id)))
  return rows.filter(({ moveTo, owner }) => moveTo !== undefined && owner !== undefined).length
}
