/** Plans the moves that make the servers evenly full, and tells when nothing may move. Pure: it decides on
 *  rows that were read, and core/balance/rebalance.ts carries out the plan. */

import type { ServerId } from '../ids.ts'
import { HOME_KEPT_MS, returned } from '../placement/home.ts'
import { isUnderSuspicion } from '../protocol/suspicion.ts'
import type { DeviceRow } from '../store/device-row.ts'
import { isLive, type ServerRow } from '../store/server-row.ts'

/** A device that came to its server by a move stays for this long. Wall-clock time: a preference. */
const SETTLED_AFTER_MS = 86_400_000
/** Rebalancing rests for this long after a burial. */
const BURIAL_REST_MS = 10 * 60_000
/** The tolerance when two fullnesses are compared: a tenth has no exact binary form. */
const ROUNDING = 1e-9

/** A server as the plan sees it. */
export interface Scale {
  readonly serverId: ServerId
  readonly capacity: number
  /** With the devices that are on their way to the server, and without those on their way from it. */
  readonly load: number
  /** How many more devices may be under way from or to the server. */
  readonly slots: number
  /** False when none of its devices may move now. */
  readonly mayGive: boolean
}

export interface PlannedMove {
  readonly from: ServerId
  readonly to: ServerId
}

/** How much fuller the fullest server is than the emptiest, as a part of the capacity; 0 without servers. */
export function spreadOf(servers: readonly Pick<Scale, 'load' | 'capacity'>[]): number {
  if (servers.length === 0) return 0
  const fullnesses = servers.map(fullness)
  return Math.max(...fullnesses) - Math.min(...fullnesses)
}

export function isWithinBand(spread: number, bandPercent: number): boolean {
  return spread <= bandPercent / 100 + ROUNDING
}

/** Moves from the fullest server to the emptiest, the most relieving move first. It ends when the two are
 *  within the band, or a move would only swap the two. Both stay between their earlier fullnesses, so no move
 *  widens the spread of the fleet. */
export function planMoves(servers: readonly Scale[], bandPercent: number, movesMax: number): PlannedMove[] {
  const scales = servers.map((server) => ({ ...server }))
  const moves: PlannedMove[] = []
  while (moves.length < movesMax) {
    const pair = mostRelieving(scales, bandPercent)
    if (!pair) break
    const { giver, receiver } = pair
    giver.load -= 1
    giver.slots -= 1
    receiver.load += 1
    receiver.slots -= 1
    moves.push({ from: giver.serverId, to: receiver.serverId })
  }
  return moves
}

function mostRelieving<S extends Scale>(scales: readonly S[], bandPercent: number) {
  const free = scales.filter(({ slots }) => slots > 0)
  const receivers = free
    .filter(({ load, capacity }) => load < capacity)
    .sort((one, other) => fullness(one) - fullness(other))
  const givers = free.filter(({ mayGive, load }) => mayGive && load > 0)
  givers.sort((one, other) => fullness(other) - fullness(one))
  for (const giver of givers) {
    for (const receiver of receivers) {
      if (isWithinBand(fullness(giver) - fullness(receiver), bandPercent)) break
      if (isRelieving(giver, receiver)) return { giver, receiver }
    }
  }
  return undefined
}

function isRelieving(giver: Scale, receiver: Scale): boolean {
  const apart = fullness(giver) - fullness(receiver)
  const [less, more] = [1 / giver.capacity, 1 / receiver.capacity]
  return less <= apart + ROUNDING && more <= apart + ROUNDING && (less + more) / 2 < apart - ROUNDING
}

function fullness({ load, capacity }: Pick<Scale, 'load' | 'capacity'>): number {
  return load / capacity
}

/** The same servers once these moves are done. */
export function afterMoves<S extends Scale>(servers: readonly S[], moves: readonly PlannedMove[]): S[] {
  return servers.map((server) => {
    const came = moves.filter(({ to }) => to === server.serverId).length
    const went = moves.filter(({ from }) => from === server.serverId).length
    return { ...server, load: server.load + came - went }
  })
}

/** How many devices each server has above its part of the fleet's load. A server from which the plan would
 *  take nothing has no surplus. */
export function surpluses(servers: readonly Scale[], bandPercent: number): Map<ServerId, number> {
  const capacity = servers.reduce((sum, server) => sum + server.capacity, 0)
  const mean = servers.reduce((sum, server) => sum + server.load, 0) / capacity
  const emptiest = Math.min(...servers.map(fullness))
  const above = servers.filter((server) => !isWithinBand(fullness(server) - emptiest, bandPercent))
  return new Map(
    above.flatMap((server) => {
      const surplus = Math.floor(server.load - mean * server.capacity + ROUNDING)
      return surplus > 0 ? [[server.serverId, surplus]] : []
    }),
  )
}

/** Devices that may move within ten minutes: at least one, or a small fleet would never be even. */
export function budgetOf(devices: number, shareOfFleetPercent: number): number {
  return Math.max(1, Math.floor((devices * shareOfFleetPercent) / 100 + ROUNDING))
}

/** Whether the device's row allows a move for evenness. The device was not moved within a day, is not asked
 *  to move already, and is well. No server with its home's name may take it back. */
export function mayMove(device: DeviceRow, ownerName: string, nowMs: number): boolean {
  if (device.desired !== 'running' || device.deleting || device.moveTo !== undefined) return false
  if (device.movedAt !== undefined && nowMs - device.movedAt < SETTLED_AFTER_MS) return false
  if (isUnderSuspicion(device, nowMs)) return false
  const { home } = device
  return home === undefined || home.name === ownerName || nowMs - home.since >= HOME_KEPT_MS
}

/** The state of the fleet as an observer sees it, besides the servers' rows. */
export interface Surroundings {
  readonly nowMs: number
  /** Most servers fell silent together, or this observer could not look: see core/protocol/silence.ts. */
  readonly braking: boolean
  /** Live servers that have missed beats. */
  readonly quiet: readonly ServerRow[]
  /** Devices that wait for a server, without the devices that rebalancing moves. */
  readonly waiting: number
}

/** @returns why nothing may move now, in words; undefined when it may */
export function whyNoMoves(
  servers: readonly ServerRow[],
  { nowMs, braking, quiet, waiting }: Surroundings,
): string | undefined {
  if (braking) return 'most servers fell silent together: the brake is on'
  const [silent] = quiet
  if (silent) return `server "${silent.name}" has missed beats`
  const buried = servers.find(({ state, beatAt }) => state === 'dead' && nowMs - beatAt < BURIAL_REST_MS)
  if (buried) return `server "${buried.name}" was buried less than ${minutes(BURIAL_REST_MS)} ago`
  const changing = servers.filter(isLive).find(({ state }) => state !== 'active')
  if (changing) return `server "${changing.name}" is ${changing.state}`
  if (waiting > 0) return 'devices wait for a server'
  const [back] = returned(servers, nowMs)
  if (back) {
    return `server "${back.name}" came back less than ${minutes(HOME_KEPT_MS)} ago: its devices come first`
  }
  return undefined
}

function minutes(ms: number): string {
  return `${ms / 60_000} minutes`
}
