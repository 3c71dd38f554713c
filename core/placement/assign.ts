/** Gives servers to devices that have none: reserve, claim, tell. Any number of callers may do this at once. */

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
import { chooseServers, type ServerChooser } from './choose-server.ts'

export interface Placement {
  readonly deviceId: DeviceId
  readonly outcome: 'assigned' | 'no_room' | 'not_wanted' | 'already_owned' | 'erased' | 'gone'
  readonly server?: ServerRow
}

/** Claims for every given device that is wanted and has no owner, erases those that are being deleted, and rings the
 *  servers that got one. Safe to repeat and to run twice at once. */
export async function assign(world: World, ids: readonly DeviceId[]): Promise<Placement[]> {
  if (ids.length === 0) return []
  const rows = await world.store.getMany(
    'Devices',
    [...new Set(ids)].map((deviceId) => ({ deviceId })),
  )
  const choices = chooseServers(await listServers(world.store), rows.length, world.random)
  const placements = await inParallel(rows, LANES, (row) => settle(world, choices, row))
  const got = new Map(
    placements.flatMap(({ outcome, server }) =>
      server && outcome === 'assigned' ? [[server.serverId, server]] : [],
    ),
  )
  await world.doorbell.ring([...got.values()])
  return placements
}

async function settle(world: World, choices: ServerChooser, row: DeviceRow): Promise<Placement> {
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
  const server = await reserveRoom(world, choices, row)
  if (server) return claimOn(world, row, server)
  world.telemetry.emit('device.no_room', { deviceId })
  return { deviceId, outcome: 'no_room' }
}

/** A server with room reserved for one device. Each refusal takes a server off the list, so that the search ends. */
async function reserveRoom(
  world: World,
  choices: ServerChooser,
  row: DeviceRow,
): Promise<ServerRow | undefined> {
  for (let server = choices.choose(row); server; server = choices.choose(row)) {
    if (await reserve(world.store, server, 1)) return server
    choices.exclude(server)
  }
  return undefined
}

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
    // After a lost answer the claim may stand: the room stays reserved until the sweep has counted.
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
