/**
 * This room keeps the servers evenly full, and shares the fleet's connects among them. The sweep calls it;
 * the API reads its ledger. It must never move a device by itself: it asks owners to release devices, within
 * the budget.
 *
 * Every few seconds this file asks some devices of the fullest servers to move to the emptiest. Before
 * any of them is asked, a conditional write of the ledger names these devices and spends the budget. So two
 * sweeps never ask for more moves than one may. A crash before the asking costs only a part of the budget.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Mark } from '../clock.ts'
import type { ServerId } from '../ids.ts'
import { RESTART_ID, readOperation } from '../operations/operations.ts'
import { inParallel, LANES } from '../parallel.ts'
import { notify } from '../placement/notify.ts'
import { findOwned } from '../placement/owned-devices.ts'
import { listServers } from '../protocol/membership.ts'
import { askToMove } from '../requests/move-requests.ts'
import { offerSurplus } from '../requests/server-requests.ts'
import { REBALANCE_DEFAULTS, type RebalanceSettings } from '../settings.ts'
import type { DeviceRow } from '../store/device-row.ts'
import type { RebalancingStatus, UnderWay } from '../store/fleet-row.ts'
import { isLive, type ServerRow } from '../store/server-row.ts'
import type { World } from '../world.ts'
import { type Ledger, movesWithinWindow, readLedger, saveStatus, spend, WINDOW_MINUTES } from './ledger.ts'
import { offeredAt, offersOf } from './offers.ts'
import {
  afterMoves,
  budgetOf,
  isWithinBand,
  mayMove,
  planMoves,
  type Scale,
  type Surroundings,
  spreadOf,
  surpluses,
  whyNoMoves,
} from './plan.ts'
import { type FoundUnderWay, readUnderWay } from './under-way.ts'

export const REBALANCE_EVERY_MS = 2000
/** Devices under way in the whole fleet: one row lists them all. */
const UNDER_WAY_MAX = 100
/** Servers searched for devices at one look. */
const GIVERS_MAX = 4
/** A server is searched again this long after a search found no device that could move. */
const NOTHING_TO_MOVE_MS = 15_000

export interface Seen extends Omit<Surroundings, 'nowMs'> {
  /** As they were read at this look. */
  readonly servers: readonly ServerRow[]
  /** Servers with no device that could move, and since when; the sweep keeps it from look to look. */
  readonly nothingToMoveSince: Map<ServerId, Mark>
}

/** The facts on which a look decides. */
interface View {
  readonly nowMs: number
  readonly settings: RebalanceSettings
  readonly ledger: Ledger
  readonly servers: readonly ServerRow[]
  readonly underWay: readonly FoundUnderWay[]
  readonly scales: readonly Scale[]
  /** Why nothing may move now; undefined when devices may move. */
  readonly held: Pick<RebalancingStatus, 'state' | 'why'> | undefined
  /** Whether devices may move, and a move would help if there were no limits. */
  readonly isUneven: boolean
  readonly budget: number
  readonly budgetLeft: number
}

/** Takes a look: which devices have arrived, whether devices may move, and which go next. */
export async function rebalance(world: World, seen: Seen): Promise<void> {
  const view = await look(world, seen)
  const next = view.isUneven ? await chooseNext(world, view, seen.nothingToMoveSince) : []
  const { ledger, nowMs } = view
  const before = ledger.status
  const offers = offersOf(view.servers, surplusesAfter(view, next), before, nowMs)
  const status: RebalancingStatus = {
    ...stateOf(view, next),
    bandPercent: view.settings.bandPercent,
    budget: view.budget,
    underWay: [...view.underWay.map(({ entry }) => entry), ...next],
    spent: next.length > 0 ? spend(before?.spent ?? [], nowMs, next.length) : (before?.spent ?? []),
    ...offeredAt(before, offers, nowMs),
  }
  if (!isDeepStrictEqual(status, before)) {
    if (!(await saveStatus(world.store, ledger, status))) return
    const { state, why } = status
    if (state !== before?.state) world.telemetry.emit('rebalancing.changed', { state, why })
  }
  await ask(world, view, next)
  await inParallel(offers, LANES, ({ server, surplus }) => offerSurplus(world.store, server, surplus))
}

async function look(world: World, seen: Seen): Promise<View> {
  const { store, clock } = world
  const settings = world.rebalancing ?? REBALANCE_DEFAULTS
  const ledger = await readLedger(store)
  const nowMs = clock.wallMs()
  const underWay = await readUnderWay(store, ledger.status?.underWay ?? [], nowMs)
  const seemsEven = isWithinBand(spreadOf(seen.servers.filter(isActive)), settings.bandPercent)
  const servers = seemsEven && underWay.length === 0 ? seen.servers : await listServers(store)
  const scales = scalesOf(servers, underWay, settings, (id) => {
    const since = seen.nothingToMoveSince.get(id)
    return since === undefined || clock.elapsedMs(since) >= NOTHING_TO_MOVE_MS
  })
  const wouldHelp = planMoves(scales.map(unlimited), settings.bandPercent, 1).length > 0
  const held = pausedBy(settings, ledger) ?? waitingFor(servers, { ...seen, nowMs })
  const restarting = wouldHelp && held === undefined && (await isRestarting(world))
  const budget = budgetOf(sum(servers.filter(isLive)), settings.shareOfFleetPercent)
  return {
    nowMs,
    settings,
    ledger,
    servers,
    underWay,
    scales,
    held: restarting ? { state: 'waiting', why: 'a restart of the fleet is under way' } : held,
    isUneven: wouldHelp && held === undefined && !restarting,
    budget,
    budgetLeft: Math.max(0, budget - movesWithinWindow(ledger.status?.spent ?? [], nowMs)),
  }
}

function pausedBy({ enabled }: RebalanceSettings, { paused }: Ledger): View['held'] {
  if (!enabled) return { state: 'paused', why: 'it is switched off by the configuration' }
  // Shown only between the end of the pause and the next look: until then the API tells of the pause itself.
  return paused ? { state: 'waiting', why: 'it was paused until just now' } : undefined
}

function waitingFor(servers: readonly ServerRow[], surroundings: Surroundings): View['held'] {
  const why = whyNoMoves(servers, surroundings)
  return why === undefined ? undefined : { state: 'waiting', why }
}

/** A restart has to be looked up, since the servers do not always show it: between two of its steps no server
 *  drains. Its new servers are empty on purpose, so no device may move to them. */
async function isRestarting({ store }: World): Promise<boolean> {
  return (await readOperation(store, RESTART_ID))?.state === 'running'
}

function scalesOf(
  servers: readonly ServerRow[],
  underWay: readonly FoundUnderWay[],
  { inFlightPerServer }: RebalanceSettings,
  mayGive: (id: ServerId) => boolean,
): Scale[] {
  const count = (is: (move: FoundUnderWay) => boolean) => underWay.filter(is).length
  return servers.filter(isActive).map(({ serverId, capacity, load }) => {
    const leaving = count(({ entry, hasArrived }) => entry.from === serverId && !hasArrived)
    const coming = count(({ entry, hasArrived }) => entry.to === serverId && !hasArrived)
    const moving = count(({ entry }) => entry.from === serverId || entry.to === serverId)
    return {
      serverId,
      capacity,
      load: Math.max(0, load - leaving + coming),
      slots: inFlightPerServer - moving,
      mayGive: mayGive(serverId),
    }
  })
}

function unlimited(scale: Scale): Scale {
  return { ...scale, slots: 1, mayGive: true }
}

async function chooseNext(
  world: World,
  view: View,
  nothingToMoveSince: Map<ServerId, Mark>,
): Promise<UnderWay[]> {
  const { nowMs, settings, scales, underWay, servers } = view
  const movesMax = Math.min(view.budgetLeft, UNDER_WAY_MAX - underWay.length)
  const planned = Map.groupBy(planMoves(scales, settings.bandPercent, movesMax), ({ from }) => from)
  const except = new Set(underWay.map(({ entry }) => entry.deviceId))
  const givers = servers.filter(({ serverId }) => planned.has(serverId))
  // At most GIVERS_MAX are searched, the fullest first.
  givers.sort((one, other) => other.load / other.capacity - one.load / one.capacity)
  const chosen = await inParallel(givers.slice(0, GIVERS_MAX), GIVERS_MAX, async (giver) => {
    const moves = planned.get(giver.serverId) ?? []
    const isFit = (device: DeviceRow) =>
      device.status === 'connected' && !except.has(device.deviceId) && mayMove(device, giver.name, nowMs)
    const found = await findOwned(world.store, giver.serverId, moves.length, isFit)
    if (found.length === 0) nothingToMoveSince.set(giver.serverId, world.clock.mark())
    return moves.flatMap((move, at) => {
      const deviceId = found[at]
      return deviceId ? [{ ...move, deviceId, askedAt: nowMs }] : []
    })
  })
  return chosen.flat()
}

async function ask(world: World, { servers }: View, moves: readonly UnderWay[]): Promise<void> {
  const nameOf = (id: ServerId) => servers.find(({ serverId }) => serverId === id)?.name ?? id
  const asked = await inParallel(moves, LANES, async ({ deviceId, from, to }) => {
    const why = `rebalancing: from server "${nameOf(from)}" to server "${nameOf(to)}"`
    return (await askToMove(world, { device: deviceId, from, to, why, unlessAsked: true })) ? [from] : []
  })
  await inParallel([...new Set(asked.flat())], LANES, (owner) => notify(world, owner))
}

function surplusesAfter({ isUneven, scales, settings }: View, next: readonly UnderWay[]) {
  return isUneven ? surpluses(afterMoves(scales, next), settings.bandPercent) : new Map<ServerId, number>()
}

function stateOf(view: View, next: readonly UnderWay[]): Pick<RebalancingStatus, 'state' | 'why'> {
  const { held, isUneven, underWay, scales, settings, budget, budgetLeft } = view
  if (held) return held
  if (next.length > 0 || underWay.length > 0) {
    return { state: 'moving', why: 'devices move from the fullest servers to the emptiest' }
  }
  if (isWithinBand(spreadOf(scales), settings.bandPercent)) {
    return { state: 'balanced', why: 'the servers are about equally full' }
  }
  if (!isUneven) return { state: 'balanced', why: 'no move would bring the servers closer to each other' }
  if (budgetLeft === 0) {
    const spent = budget === 1 ? 'the one move' : `all ${budget} moves`
    return { state: 'waiting', why: `${spent} of ${WINDOW_MINUTES} minutes were made; more follow` }
  }
  return {
    state: 'waiting',
    why: 'no device of the fullest servers may move now: each was moved within a day, or is not connected',
  }
}

function isActive({ state }: ServerRow): boolean {
  return state === 'active'
}

function sum(servers: readonly ServerRow[]): number {
  return servers.reduce((total, { load }) => total + load, 0)
}
