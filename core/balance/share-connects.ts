/** Shares the fleet's connects among the live servers, at every look of the sweep. A share stays in the
 *  server's row until another one is written: when no sweep runs, each server goes on with its last share. */

import { inParallel, LANES } from '../parallel.ts'
import { giveConnectShare } from '../requests/server-requests.ts'
import { FLEET_CONNECTS_PER_SECOND } from '../settings.ts'
import { isLive, type ServerRow } from '../store/server-row.ts'
import type { World } from '../world.ts'
import { shareChanges } from './fair-shares.ts'

/** Shares written at one look; the others are written at the next looks. */
const WRITTEN_PER_LOOK_MAX = 100

/** @param servers as they were read at this look */
export async function shareConnects(world: World, servers: readonly ServerRow[]): Promise<void> {
  const perSecond = world.fleetConnectsPerSecond ?? FLEET_CONNECTS_PER_SECOND
  const changes = shareChanges(perSecond, servers.filter(isLive)).slice(0, WRITTEN_PER_LOOK_MAX)
  await inParallel(changes, LANES, ({ server, share }) => giveConnectShare(world.store, server, share))
}
