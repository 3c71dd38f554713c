/** The route that shows the fleet: the devices of each server, the churn, and
 *  everything that needs attention. */
import * as z from 'zod'
import { readLedger } from '../../../core/balance/ledger.ts'
import { CHURN_METRICS, METRICS } from '../../../core/catalogue.ts'
import { inParallel } from '../../../core/parallel.ts'
import { listServers } from '../../../core/protocol/membership.ts'
import { DEVICE_STATUSES } from '../../../core/store/device-row.ts'
import { isLive, type ServerRow } from '../../../core/store/server-row.ts'
import type { Store } from '../../../core/store/store.ts'
import { readChurn } from '../../../core/telemetry/churn.ts'
import { CONFLICTS_KEPT_HOURS, readConflicts } from '../../../core/telemetry/conflicts.ts'
import { readSweepStamp } from '../../../core/telemetry/sweep-stamp.ts'
import type { LambdaWorld } from '../../world.ts'
import { json } from '../answer.ts'
import { answers, defineRoute, named } from '../route.ts'
import { isoTime, Time } from '../schemas.ts'
import { RebalancingAnswer, rebalancingAnswer } from './rebalancing.ts'
import { percent, ServerState } from './servers.ts'

const CHURN_MINUTES = 15
const GIVEN_UP_SHOWN_MAX = 20
const COUNTS_AT_ONCE = 32

const counts = (names: readonly string[], says: (name: string) => string) =>
  z.object(Object.fromEntries(names.map((name) => [name, z.number().describe(says(name))])))

const Duplicate = z.object({ value: z.string(), serverIds: z.array(z.string()) })

const GivenUp = z.object({
  deviceId: z.string(),
  name: z.string(),
  since: Time,
  statusReason: z.string().optional(),
})

const FleetAnswer = named(
  'Fleet',
  z.object({
    at: Time,
    servers: z
      .array(
        z.object({
          serverId: z.string(),
          name: z.string(),
          state: ServerState,
          capacity: z.int(),
          load: z
            .int()
            .describe('devices that the server owns or has room reserved for, by the counter in its row'),
          owned: z.int().describe('devices whose row names this server as the owner'),
          connected: z.int().describe('sockets that were open at the last beat'),
          waiting: z.int().describe('connects that waited for their turn at the last beat'),
          connectShare: z
            .number()
            .optional()
            .describe("the server's share of the fleet's connects per second; its own limit may be lower"),
          utilisation: z.number().describe('load / capacity, in percent'),
        }),
      )
      .describe('the servers that are not dead or stopped'),
    totals: z.object({
      devices: z.int(),
      owned: z.int(),
      connected: z
        .int()
        .describe('counted by the rows of devices, because two beats may count a device that has just moved'),
      servers: z.int(),
      serversActive: z.int(),
      load: z.int().describe('of the active servers'),
      capacity: z.int().describe('of the active servers'),
      utilisation: z.number().describe('of the active servers, in percent'),
    }),
    byStatus: counts(DEVICE_STATUSES, (status) => `devices that are ${status}`),
    churn: z.object({
      minutes: z.int(),
      counts: counts(CHURN_METRICS, (metric) => METRICS[metric as keyof typeof METRICS].says),
    }),
    conflicted: z
      .array(GivenUp)
      .describe('devices that a client outside the fleet keeps taking over; the latest first'),
    quarantined: z
      .array(GivenUp)
      .describe(
        'devices that may have ended one server after another, so no server gets them; the latest first',
      ),
    conflictsLately: z
      .object({
        hours: z.int(),
        devices: z.array(
          z.object({
            deviceId: z.string(),
            conflicts: z.int(),
            lastAt: Time,
            serverName: z.string().describe('the server that held the device at the last conflict'),
          }),
        ),
      })
      .describe('devices that had a conflict (close code 440), connected again or not; the latest first'),
    sweep: z
      .object({ lastLookAt: Time.optional(), ageSeconds: z.number().optional() })
      .describe(
        'the last look of the sweep, which writes this every 5 s; empty when no sweep has run for a week',
      ),
    rebalancing: RebalancingAnswer,
    duplicates: z
      .object({ names: z.array(Duplicate), urls: z.array(Duplicate) })
      .describe('names and URLs that two servers use at the same time; both lists should be empty'),
  }),
)
export type FleetAnswer = z.output<typeof FleetAnswer>

const showFleet = defineRoute({
  method: 'GET',
  path: '/fleet',
  scope: 'read',
  summary: 'Show the fleet: distribution, utilisation, churn and conflicts',
  answers: { 200: answers('the fleet', FleetAnswer) },
  async handle(world) {
    const [servers, byStatus, churn, conflicted, quarantined, conflictsLately, sweptAt, ledger] =
      await Promise.all([
        listServers(world.store),
        countByStatus(world.store),
        readChurn(world.store, world.clock, CHURN_MINUTES),
        listGivenUp(world.store, 'conflicted'),
        listGivenUp(world.store, 'quarantined'),
        readConflicts(world.store, world.clock),
        readSweepStamp(world.store),
        readLedger(world.store),
      ])
    const live = servers.filter(isLive)
    const distribution = await distribute(world, live)
    return json(200, {
      at: isoTime(world.clock.wallMs()),
      servers: distribution,
      totals: totalsOf(live, distribution, byStatus),
      byStatus,
      churn: { minutes: CHURN_MINUTES, counts: churn },
      conflicted,
      quarantined,
      conflictsLately: { hours: CONFLICTS_KEPT_HOURS, devices: conflictsLately },
      sweep: sweepAnswer(sweptAt, world.clock.wallMs()),
      rebalancing: rebalancingAnswer(ledger, servers, world.clock.wallMs()),
      duplicates: { names: duplicates(live, 'name'), urls: duplicates(live, 'url') },
    })
  },
})

type Distribution = FleetAnswer['servers']

function distribute(world: LambdaWorld, live: readonly ServerRow[]): Promise<Distribution> {
  return inParallel(live, COUNTS_AT_ONCE, async (server) => {
    const { serverId, name, state, capacity, load, connected, waiting = 0, connectShare } = server
    const owned = await world.store.count('Devices', { index: 'byOwner', partition: serverId })
    return {
      serverId,
      name,
      state,
      capacity,
      load,
      owned,
      connected,
      waiting,
      ...(connectShare === undefined ? {} : { connectShare: Math.round(connectShare * 100) / 100 }),
      utilisation: percent(load, capacity),
    }
  })
}

async function countByStatus(store: Store): Promise<Record<string, number>> {
  const counted = await inParallel(DEVICE_STATUSES, DEVICE_STATUSES.length, async (status) => {
    return [status, await store.count('Devices', { index: 'byStatus', partition: status })] as const
  })
  return Object.fromEntries(counted)
}

async function listGivenUp(store: Store, status: 'conflicted' | 'quarantined') {
  const { rows } = await store.query('Devices', {
    index: 'byStatus',
    partition: status,
    descending: true,
    limit: GIVEN_UP_SHOWN_MAX,
  })
  return rows.map(({ deviceId, name, updatedAt, statusReason }) => ({
    deviceId,
    name,
    since: isoTime(updatedAt),
    statusReason,
  }))
}

function sweepAnswer(sweptAt: number | undefined, nowMs: number): FleetAnswer['sweep'] {
  if (sweptAt === undefined) return {}
  return { lastLookAt: isoTime(sweptAt), ageSeconds: Math.max(0, Math.round((nowMs - sweptAt) / 1000)) }
}

function totalsOf(live: readonly ServerRow[], distribution: Distribution, byStatus: Record<string, number>) {
  const active = live.filter(({ state }) => state === 'active')
  const load = sum(active.map((server) => server.load))
  const capacity = sum(active.map((server) => server.capacity))
  return {
    devices: sum(Object.values(byStatus)),
    owned: sum(distribution.map((server) => server.owned)),
    connected: byStatus.connected ?? 0,
    servers: live.length,
    serversActive: active.length,
    load,
    capacity,
    utilisation: percent(load, capacity),
  }
}

/** A joining server is left out: it does not hold its name yet, and may find that another server does. */
function duplicates(live: readonly ServerRow[], of: 'name' | 'url') {
  const holders = new Map<string, string[]>()
  for (const server of live.filter(({ state }) => state !== 'joining')) {
    holders.set(server[of], [...(holders.get(server[of]) ?? []), server.serverId])
  }
  return [...holders]
    .filter(([, serverIds]) => serverIds.length > 1)
    .map(([value, serverIds]) => ({ value, serverIds }))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

export const FLEET_ROUTES = [showFleet]
