/** A server that was restarted under its name gets its devices back. The devices that lost it when it stopped
 *  or died carry its name as `home`. They are asked to move home, a few at a time. */

import { inParallel, LANES } from '../parallel.ts'
import { askToMove } from '../requests/move-requests.ts'
import type { DeviceRow } from '../store/device-row.ts'
import type { ServerRow } from '../store/server-row.ts'
import { queryAll } from '../store/store.ts'
import type { World } from '../world.ts'
import { isAway, returned } from './home.ts'
import { notify } from './notify.ts'

/** Devices on their way to one returning server at the same time. */
const RETURNING_MAX = 8

/** Asks the present owners to release a few devices of the returned servers. */
export async function bringHome(world: World, servers: readonly ServerRow[]): Promise<void> {
  const nowMs = world.clock.wallMs()
  const homes = new Map(returned(servers, nowMs).map((server) => [server.name, server]))
  if (homes.size === 0) return
  const returning = new Map<string, number>()
  const active = servers.filter((server) => server.state === 'active')
  await inParallel(active, LANES, async (owner) => {
    const owned = await queryAll(world.store, 'Devices', { index: 'byOwner', partition: owner.serverId })
    const away = owned.filter((device) => isAway(device, owner, homes, nowMs))
    const asked = await inParallel(away, 1, (device) => sendHome(world, device, owner, homes, returning))
    if (asked.includes(true)) await notify(world, owner.serverId)
  })
}

async function sendHome(
  world: World,
  device: DeviceRow,
  owner: ServerRow,
  homes: Map<string, ServerRow>,
  returning: Map<string, number>,
): Promise<boolean> {
  const home = device.home && homes.get(device.home.name)
  if (!home) return false
  const underway = returning.get(home.name) ?? 0
  if (underway >= RETURNING_MAX || home.load + underway >= home.capacity) return false
  returning.set(home.name, underway + 1)
  if (device.moveTo) return false
  const why = `home to server "${home.name}"`
  const move = { device: device.deviceId, from: owner.serverId, to: home.serverId, why }
  return (await askToMove(world, move)) !== undefined
}
