/** Empties a live server: it gets no more devices, and those that it has move in waves, a bounded number at a time. The row
 *  of the operation holds that bound: who is under way stands in `moving` before it is asked to move. */

import { MooringError } from '../errors.ts'
import type { DeviceId, ServerId } from '../ids.ts'
import { notify } from '../placement/notify.ts'
import { findOwned } from '../placement/owned-devices.ts'
import { drain, resume } from '../protocol/membership.ts'
import { withdrawMove } from '../requests/device-requests.ts'
import { askToMove } from '../requests/move-requests.ts'
import { wishThenLeave } from '../requests/server-requests.ts'
import { type DeviceRow, hasSettled } from '../store/device-row.ts'
import type { Drain, Moving } from '../store/operation-row.ts'
import { asServer, isLive, type ServerRow } from '../store/server-row.ts'
import type { Store } from '../store/store.ts'
import type { World } from '../world.ts'
import { beginOperation, drainId, readOperation, saveOperation } from './operations.ts'

export const AT_ONCE_DEFAULT = 8
export const AT_ONCE_MAX = 50
/** A device that was asked to move this long ago and has left makes room for the next one, connected or not. By the wall
 *  clock: it paces a drain, and decides nothing about ownership. */
const UNDER_WAY_MS_MAX = 30_000
/** The sweep may write the same row at the same moment, this often, before the caller is asked to try again. */
const CANCEL_TRIES_MAX = 5

export interface DrainRequest {
  readonly askedBy: string
  /** Any server when left out. */
  readonly to?: ServerId | undefined
  /** Whether the server leaves the fleet when it is empty; it stays, without devices, when left out. */
  readonly thenLeave?: boolean
  readonly atOnce?: number
  /** In the server's row, for people. */
  readonly why?: string
}

/** A server drains by the state in its row; the operation follows that. Repeating it is harmless: the drain that runs is
 *  then answered as it stands.
 *  @throws MooringError SERVER_NOT_ACTIVE (not there yet, or gone) | SERVER_LEAVING */
export async function beginDrain(world: World, server: ServerRow, wish: DrainRequest): Promise<Drain> {
  const { serverId, name } = server
  const running = await runningDrain(world.store, serverId)
  if (running && server.state === 'draining') return running
  // Called off, and whoever did so has not come to say so in the operation.
  if (running) await saveOperation(world.store, world.clock, running, called(running, 'half way'))
  if (server.leaving) throw new MooringError('SERVER_LEAVING', `server "${name}" is on its way out already`)
  const { askedBy, to, thenLeave = false, atOnce = AT_ONCE_DEFAULT, why = 'drained' } = wish
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

/** Calls a drain off: the server takes devices again, and moves that were not begun are taken back. The state of the server
 *  decides, in one write; after a crash in between, the next step finds it active and ends the operation.
 *  @throws MooringError NOT_DRAINING | SERVER_LEAVING */
export async function cancelDrain(world: World, server: ServerRow): Promise<Drain | undefined> {
  const { serverId, name } = server
  if (!(await resume(world.store, serverId))) {
    const present = asServer(await world.store.get('Servers', { serverId }))
    throw present?.state === 'draining'
      ? new MooringError('SERVER_LEAVING', `server "${name}" is on its way out; it cannot be called back`)
      : new MooringError('NOT_DRAINING', `server "${name}" is ${present?.state ?? 'gone'}; nothing drains it`)
  }
  for (let tried = 0; tried < CANCEL_TRIES_MAX; tried++) {
    const running = await runningDrain(world.store, serverId)
    if (!running) return undefined
    const ended = await saveOperation(world.store, world.clock, running, called(running, 'by the operator'))
    if (!ended) continue
    await withdrawAll(world, running)
    const { operationId, kind, state, why } = ended
    world.telemetry.emit('operation.ended', { operationId, kind, state, why })
    return ended
  }
  throw new MooringError(
    'STORE_BUSY',
    `the drain of server "${name}" is called off but still under way; try again`,
  )
}

function called({ moved, devicesAtStart }: Drain, by: string): Partial<Drain> {
  const why = `called off ${by} after ${moved} of ${devicesAtStart} devices had moved`
  return { state: 'cancelled', moving: [], why }
}

async function withdrawAll(world: World, { moving, operationId }: Drain): Promise<void> {
  for (const { deviceId } of moving) await withdrawMove(world.store, world.clock, deviceId, operationId)
}

/** One look at a drain: who has settled elsewhere, and who goes next. */
export async function stepDrain(
  world: World,
  servers: readonly ServerRow[],
  row: Drain,
): Promise<Partial<Drain> | undefined> {
  const server = servers.find(({ serverId }) => serverId === row.serverId)
  if (server?.state === 'active') {
    await withdrawAll(world, row)
    return called(row, 'half way')
  }
  const wantsLeave = server?.thenLeave === true
  if (server?.state === 'draining' && !server.leaving && wantsLeave !== row.thenLeave) {
    await wishThenLeave(world.store, row.serverId, row.thenLeave)
  }
  const seen = await lookAtMoving(world, server, row)
  const room = roomOf(servers, row.serverId)
  const next = server?.state === 'draining' ? await chooseNext(world, row, seen, room) : []
  const moving = [...seen.underWay, ...next]
  const moved = row.moved + seen.settled
  const standing = standingOf(row, server, moving.length, room)
  const changed = { ...standing, moving, moved }
  const isSame = standing.state === row.state && standing.why === row.why && moved === row.moved
  const sameMoving = next.length === 0 && moving.length === row.moving.length
  return isSame && sameMoving && !seen.unasked ? undefined : changed
}

interface Seen {
  readonly underWay: readonly Moving[]
  /** How many have left since the last look, and make room for the next. */
  readonly settled: number
  /** Those that no other server has yet: they will take up room. */
  readonly unplaced: number
  /** Somebody crashed between writing down whom to ask and asking. */
  readonly unasked: boolean
}

async function lookAtMoving(world: World, server: ServerRow | undefined, row: Drain): Promise<Seen> {
  const devices = await readDevices(
    world.store,
    row.moving.map(({ deviceId }) => deviceId),
  )
  const nowMs = world.clock.wallMs()
  const isHere = (device: DeviceRow) =>
    device.owner === row.serverId && server !== undefined && isLive(server)
  const underWay = row.moving.filter(({ deviceId, askedAt }) => {
    const device = devices.get(deviceId)
    if (!device || !isWanted(device)) return false
    if (isHere(device)) return true
    const hasArrived = device.owner !== undefined && device.owner !== row.serverId && hasSettled(device)
    return !hasArrived && nowMs - askedAt < UNDER_WAY_MS_MAX
  })
  const kept = new Set(underWay.map(({ deviceId }) => deviceId))
  const left = row.moving.flatMap(({ deviceId }) => devices.get(deviceId) ?? []).filter(isWanted)
  const present = underWay.flatMap(({ deviceId }) => devices.get(deviceId) ?? [])
  return {
    underWay,
    settled: left.filter(({ deviceId }) => !kept.has(deviceId)).length,
    unplaced: present.filter(({ owner }) => owner === undefined || owner === row.serverId).length,
    unasked: present.some((device) => isHere(device) && device.moveTo === undefined),
  }
}

/** Those that are asked next: as many as may be under way and as the other servers have room for. */
async function chooseNext(world: World, row: Drain, seen: Seen, room: number): Promise<Moving[]> {
  const free = Math.min(row.atOnce - seen.underWay.length, room - seen.unplaced)
  if (free <= 0) return []
  const known = new Set(seen.underWay.map(({ deviceId }) => deviceId))
  const isFit = (device: DeviceRow) => !known.has(device.deviceId) && mayBeAsked(device, row)
  const next = await findOwned(world.store, row.serverId, free, isFit)
  const askedAt = world.clock.wallMs()
  return next.map((deviceId) => ({ deviceId, askedAt }))
}

/** A device that somebody else has asked to move leaves without this drain. */
function mayBeAsked(device: DeviceRow, { operationId }: Drain): boolean {
  return isWanted(device) && (device.moveTo === undefined || device.moveId === operationId)
}

function isWanted(device: DeviceRow): boolean {
  return device.desired === 'running' && !device.deleting
}

function standingOf(
  row: Drain,
  server: ServerRow | undefined,
  underWay: number,
  room: number,
): Pick<Drain, 'state' | 'why'> {
  const gone = !server || !isLive(server)
  const left = gone ? 0 : server.load
  if (underWay === 0 && gone) {
    const how = server?.state === 'stopped' ? 'has left' : 'is gone; what it still owned is evicted'
    return { state: 'done', why: `server "${row.serverName}" ${how}` }
  }
  if (underWay === 0 && left === 0) {
    if (row.thenLeave) return { state: 'running', why: 'it has no devices any more and is about to leave' }
    return { state: 'done', why: `server "${row.serverName}" has no devices any more; it takes no new ones` }
  }
  if (room <= 0 && left > 0) {
    return { state: 'running', why: `${left} devices wait for room: no other active server has any` }
  }
  return { state: 'running', why: `${underWay} devices are on their way, ${left} are still on the server` }
}

/** Free places on the active servers besides this one. */
export function roomOf(servers: readonly ServerRow[], without: ServerId): number {
  return servers
    .filter(({ state, serverId }) => state === 'active' && serverId !== without)
    .reduce((sum, { capacity, load }) => sum + Math.max(0, capacity - load), 0)
}

/** Asks those that the saved row says are under way and that nobody has asked yet; done by the one that has saved it. */
export async function askMoving(world: World, saved: Drain): Promise<void> {
  const { serverId, operationId, to, moving } = saved
  const devices = await readDevices(
    world.store,
    moving.map(({ deviceId }) => deviceId),
  )
  let asked = 0
  for (const { deviceId, owner, moveTo } of devices.values()) {
    if (owner !== serverId || moveTo !== undefined) continue
    const move = { device: deviceId, from: serverId, to: to ?? 'any', moveId: operationId } as const
    if (await askToMove(world, { ...move, why: 'its server is drained' })) asked++
  }
  if (asked > 0) await notify(world, serverId)
}

async function readDevices(store: Store, ids: readonly DeviceId[]): Promise<Map<DeviceId, DeviceRow>> {
  if (ids.length === 0) return new Map()
  const rows = await store.getMany(
    'Devices',
    ids.map((deviceId) => ({ deviceId })),
  )
  return new Map(rows.map((device) => [device.deviceId, device]))
}
