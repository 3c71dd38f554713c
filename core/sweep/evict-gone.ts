/** Takes the devices from servers that are gone. Their index lags, so one search is not enough. */

import type { Mark } from '../clock.ts'
import type { DeviceId, ServerId } from '../ids.ts'
import { inParallel, LANES } from '../parallel.ts'
import { evictFrom } from '../placement/evict-devices.ts'
import type { ServerRow } from '../store/server-row.ts'
import type { World } from '../world.ts'

/** A server just found gone is searched for devices at every look for this long. */
const EVICT_AGAIN_MS = 15_000
const LONG_GONE_MS = 10 * 60_000

/** Remembers when each server was first found gone.
 *  @returns one look, which resolves to the devices that wait for a server now */
export function createGoneEviction(world: World): (gone: readonly ServerRow[]) => Promise<DeviceId[]> {
  const { clock } = world
  const goneSince = new Map<ServerId, Mark>()

  const isDue = ({ serverId, beatAt }: ServerRow) => {
    const since = goneSince.get(serverId)
    if (!since) goneSince.set(serverId, clock.mark())
    // To save reads, a server that is long gone is searched once a sweep. The wall clock will do for that.
    const isLongGone = clock.wallMs() - beatAt > LONG_GONE_MS
    return !since || (!isLongGone && clock.elapsedMs(since) < EVICT_AGAIN_MS)
  }

  return async (gone) => {
    const evicted = await inParallel(gone.filter(isDue), LANES, (server) => evictFrom(world, server))
    return evicted.flat()
  }
}
