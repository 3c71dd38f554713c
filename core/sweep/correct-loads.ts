/** Sets a server's `load` to the number of its devices when the two differ. A crash between a reserve and its
 *  claim, or between a release and its unreserve, leaves `load` wrong. A count is trusted only at rest. */

import type { Mark } from '../clock.ts'
import type { ServerId } from '../ids.ts'
import { correctLoad } from '../protocol/membership.ts'
import { isLive, type ServerRow } from '../store/server-row.ts'
import type { World } from '../world.ts'

/** Nothing was assigned for this long before a count: a reserve precedes its claim, and the index lags. */
const STEADY_MS = 10_000

/** Since when `assignmentSeq` and `load` have not changed, and what was counted then. */
interface Steady {
  readonly seq: number
  readonly load: number
  readonly owned?: number
  readonly since: Mark
}

/** Remembers since when each server is steady. Each server is counted once a sweep.
 *  @returns one look at all servers */
export function createLoadCorrection(world: World): (servers: readonly ServerRow[]) => Promise<void> {
  const { store, clock, telemetry } = world
  const steadySince = new Map<ServerId, Steady>()
  const counted = new Set<ServerId>()

  const correct = async (server: ServerRow) => {
    const { serverId, name, assignmentSeq: seq, load } = server
    const steady = steadySince.get(serverId)
    const hasMoved = steady?.seq !== seq || steady.load !== load
    if (hasMoved) steadySince.set(serverId, { seq, load, since: clock.mark() })
    if (hasMoved || counted.has(serverId)) return
    if (clock.elapsedMs(steady.since) < STEADY_MS) return
    const owned = await store.count('Devices', { index: 'byOwner', partition: serverId })
    if (owned !== load && owned !== steady.owned) {
      // A release writes the device first and lowers `load` second. Counting between the two and then
      // correcting would subtract the device twice, so a second count must give the same number.
      steadySince.set(serverId, { seq, load, owned, since: clock.mark() })
      return
    }
    counted.add(serverId)
    if (owned === load || !(await correctLoad(store, server, owned))) return
    telemetry.emit('server.load_corrected', { serverId, name, from: load, to: owned })
  }

  return async (servers) => {
    for (const server of servers.filter(isLive)) await correct(server)
  }
}
