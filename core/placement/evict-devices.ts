/** Takes the devices from a gone server, and holds its death against devices that may have caused it. */

import type { DeviceId } from '../ids.ts'
import { inParallel, LANES } from '../parallel.ts'
import { evict, type Judged } from '../protocol/ownership.ts'
import { type Gone, guiltyOne, QUARANTINE_POINTS, suspicionAfterDeath } from '../protocol/suspicion.ts'
import type { DeviceRow } from '../store/device-row.ts'
import { queryAll } from '../store/store.ts'
import { recordHistory } from '../telemetry/history.ts'
import type { World } from '../world.ts'
import { mayQuarantine } from './quarantine-limit.ts'

/** The index lags. A row that has changed since it was listed is read and judged again, this often in all. */
const JUDGED_TRIES_MAX = 4

/** Takes every device that the index lists from a server that was READ as gone.
 *  @returns the devices that wait for a server now; a quarantined device does not */
export async function evictFrom(world: World, gone: Gone): Promise<DeviceId[]> {
  const devices = await queryAll(world.store, 'Devices', { index: 'byOwner', partition: gone.serverId })
  const guilty = guiltyOne(devices, gone)
  const evicted = await inParallel(devices, LANES, (listed) => evictOne(world, gone, listed, guilty))
  return evicted.flat()
}

async function evictOne(
  world: World,
  gone: Gone,
  listed: DeviceRow,
  guilty: DeviceId | undefined,
): Promise<DeviceId[]> {
  const { store, clock } = world
  const { deviceId } = listed
  let seen: DeviceRow | undefined = listed
  for (let tries = 0; tries < JUDGED_TRIES_MAX; tries++) {
    if (seen?.owner !== gone.serverId) return []
    const judged = await judge(world, gone, seen, guilty)
    if (await evict(store, clock, deviceId, gone, judged)) return evicted(world, gone, seen, judged)
    seen = await store.get('Devices', { deviceId })
  }
  // The row kept changing. The eviction must not wait for that, so it holds nothing against the device.
  return seen && (await evict(store, clock, deviceId, gone)) ? evicted(world, gone, seen) : []
}

async function judge(
  world: World,
  gone: Gone,
  seen: DeviceRow,
  guilty: DeviceId | undefined,
): Promise<Judged> {
  const { deviceId } = seen
  const suspicion = suspicionAfterDeath(seen, gone)
  // The guilty device explains this death, and the deaths that other devices have shared with it.
  if (guilty !== undefined && deviceId !== guilty) return { seen, suspicion: 0 }
  // A device that is to be stopped or deleted gets no server anyway, and placement has to finish that.
  if (suspicion < QUARANTINE_POINTS || seen.desired === 'stopped') return { seen, suspicion }
  if (guilty === undefined) return { seen, suspicion: QUARANTINE_POINTS - 1 }
  if (!(await mayQuarantine(world))) {
    const why = 'so many devices were quarantined within this hour that the servers are more likely at fault'
    world.telemetry.emit('device.quarantine_deferred', { deviceId, serverId: gone.serverId, why })
    return { seen, suspicion }
  }
  return { seen, suspicion, quarantinedBecause: whyQuarantined(gone) }
}

function whyQuarantined({ name }: Gone): string {
  const last = `most recently server "${name}"`
  const others = 'the points of the other devices were dropped'
  return `its last servers ended while it connected or was at work, ${last}; ${others}`
}

async function evicted(world: World, gone: Gone, seen: DeviceRow, judged?: Judged): Promise<DeviceId[]> {
  const { deviceId } = seen
  const { serverId, name } = gone
  world.telemetry.emit('device.evicted', { deviceId, serverId })
  const server = { server: serverId, serverName: name }
  await recordHistory(world, { deviceId, event: 'evicted', ...server, why: `its server "${name}" is gone` })
  const why = judged?.quarantinedBecause
  if (why === undefined) return [deviceId]
  world.telemetry.emit('device.quarantined', { deviceId, serverId, why })
  await recordHistory(world, { deviceId, event: 'quarantined', ...server, why })
  return []
}
