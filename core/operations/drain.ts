/** Empties a live server. It gets no more devices, and its devices move to other servers in waves, a bounded
 *  number at a time. To keep the bound with two sweeps at once, a device is listed in the operation's
 *  `moving` before it is asked to move. */

import type { DeviceId, ServerId } from '../ids.ts'
import { notify } from '../placement/notify.ts'
import { findOwned } from '../placement/owned-devices.ts'
import { askToMove } from '../requests/move-requests.ts'
import { setThenLeave } from '../requests/server-requests.ts'
import { type DeviceRow, hasSettled } from '../store/device-row.ts'
import type { Drain, Moving } from '../store/operation-row.ts'
import { isLive, type ServerRow } from '../store/server-row.ts'
import type { Store } from '../store/store.ts'
import type { World } from '../world.ts'
import { calledOff, withdrawAll } from './drain-requests.ts'

/** A device that has left its server makes room for the next one this long after it was asked, connected or
 *  not. The wall clock will do: this paces a drain, and decides nothing about ownership. */
const UNDER_WAY_MS_MAX = 30_000

/** Takes a look at a drain: which devices have settled elsewhere, and which go next. */
export async function stepDrain(
  world: World,
  servers: readonly ServerRow[],
  row: Drain,
): Promise<Partial<Drain> | undefined> {
  const server = servers.find(({ serverId }) => serverId === row.serverId)
  if (server?.state === 'active') {
    await withdrawAll(world, row)
    return calledOff(row, 'half way')
  }
  const wantsLeave = server?.thenLeave === true
  if (server?.state === 'draining' && !server.leaving && wantsLeave !== row.thenLeave) {
    await setThenLeave(world.store, row.serverId, row.thenLeave)
  }
  const seen = await lookAtMoving(world, server, row)
  const room = roomOf(servers, row.serverId)
  const next = server?.state === 'draining' ? await chooseNext(world, row, seen, room) : []
  const moving = [...seen.underWay, ...next]
  const moved = row.moved + seen.settled
  const status = statusOf(row, server, moving.length, room)
  const isSame = status.state === row.state && status.why === row.why && moved === row.moved
  const isSameMoving = next.length === 0 && moving.length === row.moving.length
  return isSame && isSameMoving && !seen.hasUnasked ? undefined : { ...status, moving, moved }
}

interface Seen {
  readonly underWay: readonly Moving[]
  /** How many devices have left since the last look, and make room for the next ones. */
  readonly settled: number
  /** How many devices no other server has yet: they will take up room. */
  readonly unplaced: number
  /** Some device is listed as moving and was not asked: a sweep crashed between the two. */
  readonly hasUnasked: boolean
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
    hasUnasked: present.some((device) => isHere(device) && device.moveTo === undefined),
  }
}

/** The devices that are asked next: as many as may be under way, and as the other servers have room for. */
async function chooseNext(world: World, row: Drain, seen: Seen, room: number): Promise<Moving[]> {
  const free = Math.min(row.atOnce - seen.underWay.length, room - seen.unplaced)
  if (free <= 0) return []
  const known = new Set(seen.underWay.map(({ deviceId }) => deviceId))
  const isFit = (device: DeviceRow) => !known.has(device.deviceId) && mayBeAsked(device, row)
  const next = await findOwned(world.store, row.serverId, free, isFit)
  const askedAt = world.clock.wallMs()
  return next.map((deviceId) => ({ deviceId, askedAt }))
}

/** A device that another request has asked to move leaves without this drain. */
function mayBeAsked(device: DeviceRow, { operationId }: Drain): boolean {
  return isWanted(device) && (device.moveTo === undefined || device.moveId === operationId)
}

function isWanted(device: DeviceRow): boolean {
  return device.desired === 'running' && !device.deleting
}

function statusOf(
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

/** Free places on the active servers other than `without`. */
export function roomOf(servers: readonly ServerRow[], without: ServerId): number {
  return servers
    .filter(({ state, serverId }) => state === 'active' && serverId !== without)
    .reduce((sum, { capacity, load }) => sum + Math.max(0, capacity - load), 0)
}

/** Asks the devices that the saved row lists as moving and that were not asked yet. */
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
