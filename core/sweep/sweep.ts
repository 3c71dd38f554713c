/**
 * The sweep: buries the silent, evicts from the gone, claims for every device that waits, corrects loads.
 * The `sweep` Lambda starts it every minute; it looks once a second for 75 s, so that each outlives the start of the next
 * by more than a lease and no death falls between two. It must be harmless to run two at once: every step is one of the
 * conditional writes of core/protocol/ownership.ts and core/protocol/membership.ts.
 */

import { REBALANCE_EVERY_MS, rebalance } from '../balance/rebalance.ts'
import { shareConnects } from '../balance/share-connects.ts'
import { type Mark, sleep } from '../clock.ts'
import type { DeviceId, ServerId } from '../ids.ts'
import { advanceOperations } from '../operations/steps.ts'
import { inParallel, LANES } from '../parallel.ts'
import { assign, type Placement } from '../placement/assign.ts'
import { evictFrom } from '../placement/evict-devices.ts'
import { bringHome } from '../placement/homecoming.ts'
import { bury, correctLoad, listServers } from '../protocol/membership.ts'
import { createBurialRule, quietAfterMs, type Verdict, watchBeats } from '../protocol/silence.ts'
import { UNASSIGNED_SHARD_KEYS } from '../store/device-row.ts'
import { isLive, type ServerRow } from '../store/server-row.ts'
import { scanAll } from '../store/store.ts'
import { STAMP_EVERY_MS, stampSweep } from '../telemetry/sweep-stamp.ts'
import type { World } from '../world.ts'

export const SWEEP_LOOKS_FOR_MS = 75_000
const LOOK_EVERY_MS = 1000
/** A server just found gone is searched for devices at every look for this long: its index lags. */
const EVICT_AGAIN_MS = 15_000
/** Loads are counted when nothing was assigned for this long: a reserve precedes its claim, and the index lags. */
const STEADY_MS = 10_000
const HOMECOMING_EVERY_MS = 5000
/** Waiting devices taken from one shard at one look. */
const WAITING_PER_SHARD_MAX = 500
/** Device rows read in search of orphans by one sweep; a larger fleet is searched over several sweeps. */
const ORPHAN_ROWS_PER_SWEEP = 2000

/** How long `assignmentSeq` and `load` have stood, and what was counted then. */
interface Steady {
  readonly seq: number
  readonly load: number
  readonly owned?: number
  readonly since: Mark
}

/** What one sweep remembers from look to look; a new sweep starts with nothing. */
interface Memory {
  readonly watch: ReturnType<typeof watchBeats>
  readonly judge: ReturnType<typeof createBurialRule>
  readonly goneSince: Map<ServerId, Mark>
  readonly steady: Map<ServerId, Steady>
  readonly counted: Set<ServerId>
  readonly alarmed: Set<ServerId>
  /** Absent until the first look is over. */
  homecomingAt: Mark | undefined
  stampedAt: Mark | undefined
  /** Since the first look had read the servers. */
  watchedSince: Mark | undefined
  /** Of the last look; absent until the sweep has watched for long enough to know who is quiet. */
  verdict: Verdict | undefined
  rebalancedAt: Mark | undefined
  /** See core/balance/rebalance.ts. */
  readonly nothingToMoveSince: Map<ServerId, Mark>
}

export function beginSweep(world: World): { look(): Promise<void> } {
  const watch = watchBeats(world.clock)
  const memory: Memory = {
    watch,
    judge: createBurialRule(world.clock, watch, world.settings),
    goneSince: new Map(),
    steady: new Map(),
    counted: new Set(),
    alarmed: new Set(),
    homecomingAt: undefined,
    stampedAt: undefined,
    verdict: undefined,
    watchedSince: undefined,
    rebalancedAt: undefined,
    nothingToMoveSince: new Map(),
  }
  return { look: () => lookOnce(world, memory) }
}

/** Looks once a second until `forMs` have passed or `until` is aborted. A look that fails is reported and the next one
 *  follows: a sweep that ends early would leave the fleet unwatched. */
export async function sweep(world: World, forMs = SWEEP_LOOKS_FOR_MS, until?: AbortSignal): Promise<void> {
  const begun = world.clock.mark()
  const { look } = beginSweep(world)
  let looks = 0
  while (!until?.aborted && world.clock.elapsedMs(begun) < forMs) {
    const lookBegun = world.clock.mark()
    try {
      if (looks === 0) await inOrder([() => look(), () => measure(world), () => findOrphans(world)])
      else await look()
    } catch (error) {
      world.telemetry.emit('sweep.look_failed', { error })
    }
    looks++
    await sleep(world.clock, Math.max(0, LOOK_EVERY_MS - world.clock.elapsedMs(lookBegun)), until)
  }
  world.telemetry.emit('sweep.finished', { looks })
}

async function lookOnce(world: World, memory: Memory): Promise<void> {
  const servers = await listServers(world.store)
  memory.watch.look(servers)
  memory.watchedSince ??= world.clock.mark()
  const buried = await burySilent(world, memory, servers)
  const evicted = await evictFromGone(world, memory, [
    ...servers.filter((server) => !isLive(server)),
    ...buried,
  ])
  // Without room only deletions can be finished, and once a sweep is enough for those.
  const hasRoom = servers.some((server) => server.state === 'active' && server.load < server.capacity)
  const waiting = hasRoom || !memory.homecomingAt ? await listWaiting(world) : []
  const placements = await assign(world, [...new Set([...evicted, ...waiting])])
  await advanceOperations(world)
  await shareConnects(
    world,
    servers.filter((server) => !buried.some(({ serverId }) => serverId === server.serverId)),
  )
  await correctLoads(world, memory, servers)
  await homecoming(world, memory, servers)
  await stamp(world, memory)
  await evenOut(world, memory, servers, placements)
}

async function burySilent(world: World, memory: Memory, servers: readonly ServerRow[]): Promise<ServerRow[]> {
  const knowsSilence =
    memory.watchedSince && world.clock.elapsedMs(memory.watchedSince) >= quietAfterMs(world.settings)
  const verdict = memory.judge(servers)
  memory.verdict = knowsSilence ? verdict : undefined
  for (const { serverId, name } of verdict.deferred.filter(
    (server) => !memory.alarmed.has(server.serverId),
  )) {
    memory.alarmed.add(serverId)
    world.telemetry.emit('server.burial_deferred', {
      serverId,
      name,
      why: 'most servers fell silent together, or this sweep could not look for as long',
    })
  }
  const buried: ServerRow[] = []
  for (const silent of verdict.bury) {
    if (!(await bury(world.store, silent))) continue
    buried.push({ ...silent, state: 'dead' })
    const { serverId, name, beat, taskArn } = silent
    world.telemetry.emit('server.buried', { serverId, name, beat, why: 'silent' })
    if (taskArn) await world.tasks.stopTask(taskArn, `server "${serverId}" fell silent`)
  }
  return buried
}

async function evictFromGone(world: World, memory: Memory, gone: readonly ServerRow[]): Promise<DeviceId[]> {
  const due = gone.filter(({ serverId, beatAt }) => {
    const since = memory.goneSince.get(serverId)
    if (!since) memory.goneSince.set(serverId, world.clock.mark())
    // Long gone servers are looked at once a sweep: an economy, so the wall clock will do.
    const longGone = world.clock.wallMs() - beatAt > 10 * 60_000
    return !since || (!longGone && world.clock.elapsedMs(since) < EVICT_AGAIN_MS)
  })
  const evicted = await inParallel(due, LANES, (server) => evictFrom(world, server))
  return evicted.flat()
}

async function listWaiting(world: World): Promise<DeviceId[]> {
  const pages = await inParallel(UNASSIGNED_SHARD_KEYS, UNASSIGNED_SHARD_KEYS.length, (partition) =>
    world.store.query('Devices', { index: 'byUnassigned', partition, limit: WAITING_PER_SHARD_MAX }),
  )
  return pages.flatMap((page) => page.rows.map((row) => row.deviceId))
}

async function correctLoads(world: World, memory: Memory, servers: readonly ServerRow[]): Promise<void> {
  for (const server of servers.filter(isLive)) {
    const { serverId, name, assignmentSeq: seq, load } = server
    const steady = memory.steady.get(serverId)
    const hasMoved = steady?.seq !== seq || steady.load !== load
    if (hasMoved) memory.steady.set(serverId, { seq, load, since: world.clock.mark() })
    if (hasMoved || memory.counted.has(serverId)) continue
    if (world.clock.elapsedMs(steady.since) < STEADY_MS) continue
    const owned = await world.store.count('Devices', { index: 'byOwner', partition: serverId })
    if (owned !== load && owned !== steady.owned) {
      // Counted between a release and its unreserve, this would take the device off twice: a later count must agree.
      memory.steady.set(serverId, { seq, load, owned, since: world.clock.mark() })
      continue
    }
    memory.counted.add(serverId)
    if (owned === load || !(await correctLoad(world.store, server, owned))) continue
    world.telemetry.emit('server.load_corrected', { serverId, name, from: load, to: owned })
  }
}

async function homecoming(world: World, memory: Memory, servers: readonly ServerRow[]): Promise<void> {
  if (memory.homecomingAt && world.clock.elapsedMs(memory.homecomingAt) < HOMECOMING_EVERY_MS) return
  memory.homecomingAt = world.clock.mark()
  await bringHome(world, servers)
}

/** What moves goes to servers that live: not before this sweep has watched for as long as it takes to know. */
async function evenOut(
  world: World,
  memory: Memory,
  servers: readonly ServerRow[],
  placements: readonly Placement[],
): Promise<void> {
  if (!memory.verdict) return
  if (memory.rebalancedAt && world.clock.elapsedMs(memory.rebalancedAt) < REBALANCE_EVERY_MS) return
  memory.rebalancedAt = world.clock.mark()
  const waiting = placements.filter(({ outcome }) => outcome === 'no_room').length
  await rebalance(world, {
    ...memory.verdict,
    servers,
    waiting,
    nothingToMoveSince: memory.nothingToMoveSince,
  })
}

/** Says that somebody watches: only after a whole look, since one that fails half way may not have buried anybody. */
async function stamp(world: World, memory: Memory): Promise<void> {
  if (memory.stampedAt && world.clock.elapsedMs(memory.stampedAt) < STAMP_EVERY_MS) return
  await stampSweep(world.store, world.clock)
  memory.stampedAt = world.clock.mark()
}

/** Evicts devices whose owner has no row: it was tidied up long after its death. */
async function findOrphans(world: World): Promise<void> {
  const before = await listServers(world.store)
  const devicesAbout = before.reduce((sum, server) => sum + server.load, 0)
  const of = Math.ceil((devicesAbout + 1) / ORPHAN_ROWS_PER_SWEEP)
  const index = Math.floor(world.clock.wallMs() / 60_000) % of
  const known = new Set(before.map((server) => server.serverId))
  const devices = await scanAll(world.store, 'Devices', { segment: { index, of } })
  const owners = new Set(devices.flatMap(({ owner }) => (owner && !known.has(owner) ? [owner] : [])))
  for (const owner of owners) {
    // It may have joined since the servers were listed, so it is read once more.
    if (await world.store.get('Servers', { serverId: owner })) continue
    await assign(world, await evictFrom(world, { serverId: owner, name: 'unknown' }))
  }
}

/** The fleet's metrics, once a sweep. */
async function measure(world: World): Promise<void> {
  const active = (await listServers(world.store)).filter((server) => server.state === 'active')
  const sum = (of: 'load' | 'capacity' | 'connected') =>
    active.reduce((total, server) => total + server[of], 0)
  const waiting = await listWaiting(world)
  for (const { serverId, name, load, connected, capacity } of active) {
    world.telemetry.emit('server.measured', { serverId, name, load, connected, capacity })
  }
  world.telemetry.emit(
    'sweep.measured',
    { servers: active.length },
    {
      ServersActive: active.length,
      DevicesConnected: sum('connected'),
      DevicesAssigned: sum('load'),
      DevicesUnassigned: waiting.length,
      ...(active.length ? { Utilisation: (100 * sum('load')) / sum('capacity') } : {}),
    },
  )
}

async function inOrder(steps: readonly (() => Promise<void>)[]): Promise<void> {
  for (const step of steps) await step()
}
