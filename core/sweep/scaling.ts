/**
 * Decides how many servers the service runs. The `sweep` Lambda calls it once. The number rises when devices
 * wait and no server has room for them. It falls when the other servers could easily take the devices of the
 * least loaded server. That server is drained first, since only a server without devices may be stopped.
 * Nothing is scaled while the fleet is restarted: the restart starts and stops servers itself.
 */

import { beginDrain } from '../operations/drain-requests.ts'
import { RESTART_ID, readOperation } from '../operations/operations.ts'
import { listServers } from '../protocol/membership.ts'
import type { ServiceControl, ServiceLimits } from '../service.ts'
import { UNASSIGNED_SHARD_KEYS } from '../store/device-row.ts'
import { isLive, type ServerRow } from '../store/server-row.ts'
import type { Store } from '../store/store.ts'
import type { World } from '../world.ts'
import { coolDown } from './cool-down.ts'

/** The load / capacity that the remaining servers may have after a scale-in. */
const LOAD_AFTER_SCALE_IN_MAX = 0.5
/** Long enough for the service to choose the task to stop. No longer, since it also delays deployments. */
const PROTECTED_MINUTES = 5
/** The `stateReason` by which a later sweep recognises a server that is drained to be stopped. */
const TO_BE_STOPPED = 'drained, to be stopped: the fleet needs fewer servers'
/** The service stops the server when it is empty. If the server left by itself, the service would start
 *  another one in its place. */
const DRAIN_TO_STOP = { askedBy: 'sweep', thenLeave: false, why: TO_BE_STOPPED } as const

export async function scale(world: World, service: ServiceControl, limits: ServiceLimits): Promise<void> {
  if ((await readOperation(world.store, RESTART_ID))?.state === 'running') return
  const live = (await listServers(world.store)).filter(isLive)
  const { desired, steady } = await service.size()
  const missing = await serversMissing(world.store, live)
  if (missing > 0) return scaleOut(world, service, limits, desired, missing)
  if (!steady || desired !== live.length || desired <= limits.minimum) return
  const leaving = live.find((server) => server.state === 'draining' && server.stateReason === TO_BE_STOPPED)
  if (leaving) return scaleIn(world, service, desired, leaving, live)
  const spare = spareServer(live)
  if (spare && (await coolDown(world, 'scale-in', limits.scaleInCoolDownSeconds))) {
    await beginDrain(world, spare, DRAIN_TO_STOP)
  }
}

/** How many more servers the waiting devices need; 0 while there is room, or while servers are joining. */
async function serversMissing(store: Store, live: readonly ServerRow[]): Promise<number> {
  const open = live.filter((server) => server.state === 'active')
  const room = open.reduce((sum, { capacity, load }) => sum + Math.max(0, capacity - load), 0)
  const waiting = await countWaiting(store)
  if (waiting <= room || live.some((server) => server.state === 'joining')) return 0
  const capacity = live[0]?.capacity
  return capacity ? Math.ceil((waiting - room) / capacity) : 1
}

async function countWaiting(store: Store): Promise<number> {
  const counts = await Promise.all(
    UNASSIGNED_SHARD_KEYS.map((partition) => store.count('Devices', { index: 'byUnassigned', partition })),
  )
  return counts.reduce((sum, count) => sum + count, 0)
}

async function scaleOut(
  world: World,
  service: ServiceControl,
  limits: ServiceLimits,
  desired: number,
  missing: number,
): Promise<void> {
  const wanted = Math.min(limits.maximum, desired + missing)
  if (wanted <= desired) {
    world.telemetry.emit('service.full', { desired, why: 'devices wait, and the service runs its maximum' })
    return
  }
  if (!(await coolDown(world, 'scale-out', limits.scaleOutCoolDownSeconds))) return
  await service.resize(wanted)
  world.telemetry.emit('service.resized', { from: desired, to: wanted, why: 'no server has room' })
}

/** The least loaded server, if the others can take its devices and have room to spare. */
function spareServer(live: readonly ServerRow[]): ServerRow | undefined {
  if (live.some((server) => server.state !== 'active' || !server.taskArn)) return undefined
  const spare = live.reduce<ServerRow | undefined>(
    (least, server) => (least && least.load <= server.load ? least : server),
    undefined,
  )
  const load = live.reduce((sum, server) => sum + server.load, 0)
  const capacity = live.reduce((sum, server) => sum + (server === spare ? 0 : server.capacity), 0)
  return load <= capacity * LOAD_AFTER_SCALE_IN_MAX ? spare : undefined
}

/** The service chooses the task that it stops, so every other server is protected while it does. */
async function scaleIn(
  world: World,
  service: ServiceControl,
  desired: number,
  leaving: ServerRow,
  live: readonly ServerRow[],
): Promise<void> {
  const { serverId, name } = leaving
  if (leaving.load > 0) {
    await beginDrain(world, leaving, DRAIN_TO_STOP)
    return
  }
  const others = live.flatMap((server) => (server.serverId !== serverId && server.taskArn) || [])
  if (!(await service.protect(others, PROTECTED_MINUTES))) return
  await service.resize(desired - 1)
  world.telemetry.emit('service.resized', {
    from: desired,
    to: desired - 1,
    serverId,
    name,
    why: TO_BE_STOPPED,
  })
}
