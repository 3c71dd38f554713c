/** Begins and stops the rolling restart. core/operations/restart.ts takes its steps. */
import { MooringError } from '../errors.ts'
import { listServers } from '../protocol/membership.ts'
import type { Restart } from '../store/operation-row.ts'
import { isLive, type ServerRow } from '../store/server-row.ts'
import type { Store } from '../store/store.ts'
import type { World } from '../world.ts'
import { beginOperation, RESTART_ID, readOperation, saveOperation } from './operations.ts'

/** Another call or the sweep may write the row at the same moment. The request gives up after these tries. */
const TRIES_MAX = 5

export async function readRestart(store: Store): Promise<Restart | undefined> {
  const row = await readOperation(store, RESTART_ID)
  return row?.kind === 'restart' ? row : undefined
}

/** Begins the restart of every live server. The last restart may have ended before all servers were done.
 *  If the service still protects the servers that are left, this restart goes on with them.
 *  @returns the restart that runs, and whether this call began it */
export async function beginRestart(
  world: Pick<World, 'store' | 'clock' | 'telemetry'>,
  askedBy: string,
): Promise<{ readonly restart: Restart; readonly begun: boolean }> {
  const { store, clock } = world
  for (let tried = 0; tried < TRIES_MAX; tried++) {
    const before = await readRestart(store)
    if (before?.state === 'running') return { restart: before, begun: false }
    const live = (await listServers(store)).filter(isLive)
    const restart = await beginOperation<Restart>(store, clock, {
      operationId: RESTART_ID,
      kind: 'restart',
      askedBy,
      why: 'begins within seconds',
      ...(before && isLeftOver(before, live, clock.wallMs()) ? goOn(before) : { steps: stepsFor(live) }),
    })
    if (!restart) continue
    world.telemetry.emit('operation.begun', { operationId: RESTART_ID, askedBy, servers: live.length })
    return { restart, begun: true }
  }
  throw new MooringError('STORE_BUSY', 'the restart kept changing while this request ran; try again')
}

/** No further server is begun; the server under way is finished first.
 *  @throws MooringError NOT_RESTARTING */
export async function stopRestart(world: Pick<World, 'store' | 'clock'>, askedBy: string): Promise<Restart> {
  for (let tried = 0; tried < TRIES_MAX; tried++) {
    const restart = await readRestart(world.store)
    if (restart?.state !== 'running') {
      throw new MooringError(
        'NOT_RESTARTING',
        'no restart of the fleet is running; POST /fleet/restart begins one',
      )
    }
    if (restart.stopAskedBy !== undefined) return restart
    const stopping = await saveOperation(world.store, world.clock, restart, {
      stopAskedBy: askedBy,
      why: 'is being stopped: the server under way is finished first',
    })
    if (stopping) return stopping
  }
  throw new MooringError('STORE_BUSY', 'the restart kept changing while this request ran; try again')
}

/** By name, so that an operator can tell what comes next. */
export function stepsFor(servers: readonly ServerRow[]): Restart['steps'] {
  const sorted = servers.toSorted((one, other) => one.name.localeCompare(other.name, 'en', { numeric: true }))
  return sorted.map(({ serverId, name }) => ({ serverId, name, phase: 'waiting' }))
}

/** Whether the last restart can be continued: its deployment has brought replacements, and some old servers
 *  are still there. A new deployment would replace the replacements, too. */
function isLeftOver({ deployment, steps }: Restart, live: readonly ServerRow[], nowMs: number): boolean {
  if (!deployment?.taken || nowMs >= deployment.protectedUntil) return false
  const ids = new Set(live.map(({ serverId }) => serverId))
  return steps.some(({ serverId, phase }) => phase !== 'done' && ids.has(serverId))
}

function goOn({ steps, deployment }: Restart): Pick<Restart, 'steps' | 'deployment' | 'takesUp'> {
  return {
    steps: steps.map((step) =>
      step.phase === 'done' ? step : { serverId: step.serverId, name: step.name, phase: 'waiting' },
    ),
    ...(deployment ? { deployment, takesUp: true } : {}),
  }
}
