/**
 * This room chooses a server for each device, and takes devices from servers that are gone. The sweep, the
 * API and the Lambdas `assign` and `task-stopped` call it. It must never decide who owns a device by itself:
 * it reserves, claims and evicts by the conditional writes of core/protocol.
 *
 * This file gives servers to devices that have none, in three steps: reserve room, claim the device, ring
 * the server. Any number of callers may do so at once.
 */

import { isMooringError } from '../errors.ts'
import type { DeviceId } from '../ids.ts'
import { inParallel, LANES } from '../parallel.ts'
import { listServers, reserve, unreserve } from '../protocol/membership.ts'
import { claim } from '../protocol/ownership.ts'
import { erase, settleStopped } from '../requests/device-requests.ts'
import type { DeviceRow } from '../store/device-row.ts'
import type { ServerRow } from '../store/server-row.ts'
import { recordHistory } from '../telemetry/history.ts'
import type { World } from '../world.ts'
import { createServerChooser, type ServerChooser } from './choose-server.ts'

export interface Placement {
  readonly deviceId: DeviceId
  readonly outcome: 'assigned' | 'no_room' | 'not_wanted' | 'already_owned' | 'erased' | 'gone'
  readonly server?: ServerRow
}

/** Finds a server for each device that is wanted running and has no owner, and rings the servers that got a
 *  device. Erases the devices that are being deleted. Safe to repeat and to run twice at once. */
export async function assign(world: World, ids: readonly DeviceId[]): Promise<Placement[]> {
  if (ids.length === 0) return []
  const rows = await world.store.getMany(
    'Devices',
    [...new Set(ids)].map((deviceId) => ({ deviceId })),
  )
  const chooser = createServerChooser(await listServers(world.store), rows.length, world.random)
  const placements = await inParallel(rows, LANES, (row) => place(world, chooser, row))
  const chosen = new Map(
    placements.flatMap(({ outcome, server }) =>
      server && outcome === 'assigned' ? [[server.serverId, server]] : [],
    ),
  )
  await world.doorbell.ring([...chosen.values()])
  return placements
}

async function place(world: World, chooser: ServerChooser, row: DeviceRow): Promise<Placement> {
  const { deviceId } = row
  if (row.owner) return { deviceId, outcome: 'already_owned' }
  if (row.deleting) {
    const erased = await erase(world.store, deviceId)
    if (erased) world.telemetry.emit('device.erased', { deviceId })
    return { deviceId, outcome: erased ? 'erased' : 'already_owned' }
  }
  if (row.desired === 'stopped') {
    await settleStopped(world.store, world.clock, row, world.random.id())
    return { deviceId, outcome: 'not_wanted' }
  }
  if (row.quarantinedAt !== undefined) return { deviceId, outcome: 'not_wanted' }
  const server = await reserveRoom(world, chooser, row)
  if (server) return claimOn(world, row, server)
  world.telemetry.emit('device.no_room', { deviceId })
  return { deviceId, outcome: 'no_room' }
}

/** Reserves room on the best server that has some. Each refusal excludes a server, so the search ends. */
async function reserveRoom(
  world: World,
  chooser: ServerChooser,
  row: DeviceRow,
): Promise<ServerRow | undefined> {
  for (let server = chooser.choose(row); server; server = chooser.choose(row)) {
    if (await reserve(world.store, server, 1)) return server
    chooser.exclude(server)
  }
  return undefined
}

/** Claims the device for a server on which room is reserved for it. */
async function claimOn(world: World, row: DeviceRow, server: ServerRow): Promise<Placement> {
  const { deviceId } = row
  const { serverId, name } = server
  try {
    // A device that was moved on purpose has no home to return to.
    const keepHome = row.moveTo === undefined && row.home !== undefined && row.home.name !== name
    const claimId = world.random.id()
    const moved = row.moveTo !== undefined
    await claim(world.store, world.clock, { device: deviceId, server, claimId, keepHome, moved })
  } catch (error) {
    // The answer was lost: the claim may be stored, so the room stays reserved. The sweep corrects `load`.
    if (!isMooringError(error)) throw error
    await unreserve(world.store, serverId, 1)
    world.telemetry.emit('device.claim_lost', { deviceId, serverId, why: error.message })
    const outcomes = { ALREADY_OWNED: 'already_owned', NOT_WANTED: 'not_wanted' } as const
    return {
      deviceId,
      outcome: error.code in outcomes ? outcomes[error.code as keyof typeof outcomes] : 'gone',
    }
  }
  world.telemetry.emit('device.assigned', { deviceId, serverId })
  const why = row.moveReason ? `moved: ${row.moveReason}` : (row.statusReason ?? 'it had no server')
  await recordHistory(world, { deviceId, event: 'assigned', server: serverId, serverName: name, why })
  return { deviceId, outcome: 'assigned', server }
}
