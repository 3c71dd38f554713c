/** Finds devices whose owner has no row any more. The row of a server expires three days after its last beat.
 *  A device that it still owns by then would keep that owner for ever. */

import { assign } from '../placement/assign.ts'
import { evictFrom } from '../placement/evict-devices.ts'
import { listServers } from '../protocol/membership.ts'
import { scanAll } from '../store/store.ts'
import type { World } from '../world.ts'

/** Device rows read by one sweep; a larger fleet is searched over several sweeps. */
const ORPHAN_ROWS_PER_SWEEP = 2000

/** Evicts the orphans of one part of the fleet, and places them. */
export async function findOrphans(world: World): Promise<void> {
  const before = await listServers(world.store)
  const devicesAbout = before.reduce((sum, server) => sum + server.load, 0)
  const of = Math.ceil((devicesAbout + 1) / ORPHAN_ROWS_PER_SWEEP)
  const index = Math.floor(world.clock.wallMs() / 60_000) % of
  const known = new Set(before.map((server) => server.serverId))
  const devices = await scanAll(world.store, 'Devices', { segment: { index, of } })
  const owners = new Set(devices.flatMap(({ owner }) => (owner && !known.has(owner) ? [owner] : [])))
  for (const owner of owners) {
    // The owner may have joined since the servers were listed, so its row is read once more.
    if (await world.store.get('Servers', { serverId: owner })) continue
    await assign(world, await evictFrom(world, { serverId: owner, name: 'unknown' }))
  }
}
