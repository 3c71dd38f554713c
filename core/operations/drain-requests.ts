/** Begins a drain, and calls it off; core/operations/drain.ts takes its steps. The state in the server's row
 *  decides whether the server drains, and the operation follows that state. */

import { MooringError } from '../errors.ts'
import type { ServerId } from '../ids.ts'
import { drain, resume } from '../protocol/membership.ts'
import { withdrawMove } from '../requests/device-requests.ts'
import type { Drain } from '../store/operation-row.ts'
import { asServer, type ServerRow } from '../store/server-row.ts'
import type { Store } from '../store/store.ts'
import type { World } from '../world.ts'
import { beginOperation, drainId, readOperation, saveOperation } from './operations.ts'

/** Devices under way at the same time. */
export const AT_ONCE_DEFAULT = 8
export const AT_ONCE_MAX = 50
/** The sweep may write the same row at the same moment. The call gives up after this many refused writes. */
const CANCEL_TRIES_MAX = 5

export interface DrainRequest {
  readonly askedBy: string
  /** The server that gets the devices; any server when left out. */
  readonly to?: ServerId | undefined
  /** Whether the server leaves the fleet when it is empty. When left out it stays, without devices. */
  readonly thenLeave?: boolean
  readonly atOnce?: number
  /** In the server's row, for people. */
  readonly why?: string
}

/** A repeated call is harmless: it returns the drain that runs.
 *  @throws MooringError SERVER_NOT_ACTIVE (not there yet, or gone) | SERVER_LEAVING */
export async function beginDrain(world: World, server: ServerRow, request: DrainRequest): Promise<Drain> {
  const { serverId, name } = server
  const running = await runningDrain(world.store, serverId)
  if (running && server.state === 'draining') return running
  // The drain was called off, and the call that did so has ended before it could write the operation.
  if (running) await saveOperation(world.store, world.clock, running, calledOff(running, 'half way'))
  if (server.leaving) throw new MooringError('SERVER_LEAVING', `server "${name}" is already leaving`)
  const { askedBy, to, thenLeave = false, atOnce = AT_ONCE_DEFAULT, why = 'drained' } = request
  if (!(await drain(world.store, serverId, why))) throw notActive(server)
  world.telemetry.emit('server.draining', { serverId, name, why })
  const begun = await beginOperation<Drain>(world.store, world.clock, {
    askedBy,
    ...(to === undefined ? {} : { to }),
    thenLeave,
    atOnce,
    operationId: drainId(serverId),
    kind: 'drain',
    serverId,
    serverName: name,
    devicesAtStart: server.load,
    moving: [],
    moved: 0,
    why: 'it gets no new devices; the first ones are about to move',
  })
  const operation = begun ?? (await runningDrain(world.store, serverId))
  if (!operation) throw new MooringError('STORE_BUSY', `the drain of server "${name}" just ended; try again`)
  const { operationId, kind } = operation
  if (begun) world.telemetry.emit('operation.begun', { operationId, kind, serverId, name, askedBy })
  return operation
}

export async function runningDrain(store: Store, server: ServerId): Promise<Drain | undefined> {
  const row = await readOperation(store, drainId(server))
  return row?.kind === 'drain' && row.state === 'running' ? row : undefined
}

function notActive({ name, state }: ServerRow): MooringError {
  return new MooringError(
    'SERVER_NOT_ACTIVE',
    state === 'joining'
      ? `server "${name}" is joining: it has no devices yet, drain it when it is active`
      : `server "${name}" is ${state} and has nothing to drain; evict it to move what it still owns`,
  )
}

/** Calls a drain off: the server takes devices again, and moves that have not begun are withdrawn. The
 *  write of the server's state decides. After a crash the next step finds the server active, and ends the
 *  operation.
 *  @throws MooringError NOT_DRAINING | SERVER_LEAVING */
export async function cancelDrain(world: World, server: ServerRow): Promise<Drain | undefined> {
  const { serverId, name } = server
  if (!(await resume(world.store, serverId))) {
    const present = asServer(await world.store.get('Servers', { serverId }))
    throw present?.state === 'draining'
      ? new MooringError('SERVER_LEAVING', `server "${name}" is already leaving; it cannot be called back`)
      : new MooringError('NOT_DRAINING', `server "${name}" is ${present?.state ?? 'gone'}; nothing drains it`)
  }
  for (let tried = 0; tried < CANCEL_TRIES_MAX; tried++) {
    const running = await runningDrain(world.store, serverId)
    if (!running) return undefined
    const ended = await saveOperation(
      world.store,
      world.clock,
      running,
      calledOff(running, 'by the operator'),
    )
    if (!ended) continue
    await withdrawAll(world, running)
    const { operationId, kind, state, why } = ended
    world.telemetry.emit('operation.ended', { operationId, kind, state, why })
    return ended
  }
  throw new MooringError(
    'STORE_BUSY',
    `the drain of server "${name}" is called off, but its operation still runs; try again`,
  )
}

/** How a drain that was called off ends. */
export function calledOff({ moved, devicesAtStart }: Drain, by: string): Partial<Drain> {
  const why = `called off ${by} after ${moved} of ${devicesAtStart} devices had moved`
  return { state: 'cancelled', moving: [], why }
}

/** Withdraws the moves that have not begun. */
export async function withdrawAll(world: World, { moving, operationId }: Drain): Promise<void> {
  for (const { deviceId } of moving) await withdrawMove(world.store, world.clock, deviceId, operationId)
}
