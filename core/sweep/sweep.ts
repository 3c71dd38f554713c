/**
 * The sweep looks after the fleet. At each look it buries silent servers, evicts their devices and places
 * every device that waits. Then it takes the next step of every operation. Each part keeps its own memory
 * from look to look.
 *
 * The `sweep` Lambda calls it every minute. It looks once a second for 75 s. Each sweep outlives the start
 * of the next by more than a lease, so no death falls between two. It must be harmless to run two at once:
 * every step is one of the conditional writes of core/protocol/ownership.ts and core/protocol/membership.ts.
 */

import { REBALANCE_EVERY_MS, rebalance } from '../balance/rebalance.ts'
import { shareConnects } from '../balance/share-connects.ts'
import { type Clock, type Mark, sleep } from '../clock.ts'
import type { ServerId } from '../ids.ts'
import { advanceOperations } from '../operations/steps.ts'
import { assign } from '../placement/assign.ts'
import { bringHome } from '../placement/homecoming.ts'
import { listServers } from '../protocol/membership.ts'
import { isLive } from '../store/server-row.ts'
import { STAMP_EVERY_MS, stampSweep } from '../telemetry/sweep-stamp.ts'
import type { World } from '../world.ts'
import { createSilenceWatch } from './bury-silent.ts'
import { createLoadCorrection } from './correct-loads.ts'
import { createGoneEviction } from './evict-gone.ts'
import { measureFleet } from './fleet-metrics.ts'
import { findOrphans } from './orphans.ts'
import { listWaiting } from './waiting.ts'

export const SWEEP_LOOKS_FOR_MS = 75_000
const LOOK_EVERY_MS = 1000
const HOMECOMING_EVERY_MS = 5000

/** Looks once a second until `forMs` have passed or `until` is aborted. A part that fails is reported, and
 *  the next one follows: a sweep that ends early would leave the fleet unwatched. The fleet is measured even
 *  when its looks fail, since the alarms need the measurements just then. */
export async function sweep(world: World, forMs = SWEEP_LOOKS_FOR_MS, until?: AbortSignal): Promise<void> {
  const begun = world.clock.mark()
  const { look } = beginSweep(world)
  let looks = 0
  let hasMeasured = false
  while (!until?.aborted && world.clock.elapsedMs(begun) < forMs) {
    const lookBegun = world.clock.mark()
    await hasDone(world, 'look', look)
    if (!hasMeasured) hasMeasured = await hasDone(world, 'measure', () => measureFleet(world))
    if (looks === 0) await hasDone(world, 'orphans', () => findOrphans(world))
    looks++
    await sleep(world.clock, Math.max(0, LOOK_EVERY_MS - world.clock.elapsedMs(lookBegun)), until)
  }
  world.telemetry.emit('sweep.finished', { looks })
}

/** @returns whether the part has succeeded */
async function hasDone(world: World, part: string, work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work()
    return true
  } catch (error) {
    world.telemetry.emit('sweep.look_failed', { error, part })
    return false
  }
}

/** A new sweep remembers nothing of the one before. */
export function beginSweep(world: World): { look(): Promise<void> } {
  const { store, clock } = world
  const burySilent = createSilenceWatch(world)
  const evictFromGone = createGoneEviction(world)
  const correctLoads = createLoadCorrection(world)
  const homecoming = createPace(clock, HOMECOMING_EVERY_MS)
  const stamp = createPace(clock, STAMP_EVERY_MS)
  const rebalancing = createPace(clock, REBALANCE_EVERY_MS)
  const nothingToMoveSince = new Map<ServerId, Mark>()
  let hasListedWaiting = false

  const look = async () => {
    const servers = await listServers(store)
    const { buried, verdict } = await burySilent(servers)
    const evicted = await evictFromGone([...servers.filter((server) => !isLive(server)), ...buried])
    // Without room only deletions can be finished, and once a sweep is enough for them.
    const hasRoom = servers.some((server) => server.state === 'active' && server.load < server.capacity)
    const waiting = hasRoom || !hasListedWaiting ? await listWaiting(store) : []
    const placements = await assign(world, [...new Set([...evicted, ...waiting])])
    await advanceOperations(world)
    const buriedIds = new Set(buried.map(({ serverId }) => serverId))
    await shareConnects(
      world,
      servers.filter(({ serverId }) => !buriedIds.has(serverId)),
    )
    await correctLoads(servers)
    hasListedWaiting = true
    if (homecoming.isDue()) {
      homecoming.note()
      await bringHome(world, servers)
    }
    // The stamp is written after a whole look: a look that failed half way may not have buried any server.
    if (stamp.isDue()) {
      await stampSweep(store, clock)
      stamp.note()
    }
    // Devices move only to servers that live, so not before this sweep has watched for long enough to know.
    if (verdict && rebalancing.isDue()) {
      rebalancing.note()
      const noRoom = placements.filter(({ outcome }) => outcome === 'no_room').length
      await rebalance(world, { ...verdict, servers, waiting: noRoom, nothingToMoveSince })
    }
  }
  return { look }
}

/** Lets a part of the look run at most once in `everyMs`. */
function createPace(clock: Clock, everyMs: number) {
  let noted: Mark | undefined
  return {
    isDue: () => !noted || clock.elapsedMs(noted) >= everyMs,
    note: () => {
      noted = clock.mark()
    },
  }
}
