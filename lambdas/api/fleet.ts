/** The fleet at a glance: how devices are spread, what moved lately, and what should not be. */
import * as z from 'zod'
import { CHURN_METRICS, METRICS } from '../../core/catalogue.ts'
import { readChurn } from '../../core/churn.ts'
import { DEVICE_STATUSES } from '../../core/device.ts'
import { inParallel } from '../../core/parallel.ts'
import { isLive, listServers, type ServerRow } from '../../core/server.ts'
import type { Store } from '../../core/store.ts'
import type { LambdaWorld } from '../world.ts'
import { json } from './answers.ts'
import { answers, defineRoute, named } from './route.ts'
import { isoTime, Time } from './schemas.ts'
import { percent, ServerState } from './servers.ts'

const CHURN_MINUTES = 15
const CONFLICTED_SHOWN_MAX = 20
const COUNTS_AT_ONCE = 32

const counts = (names: readonly string[], says: (name: string) => string) =>
  z.object(Object.fromEntries(names.map((name) => [name, z.number().describe(says(name))])))

const Duplicate = z.object({ value: z.string(), serverIds: z.array(z.string()) })

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
          load: z.int().describe('devices reserved or owned, as the server counts them'),
          owned: z.int().describe('devices whose row names it as the owner'),
          connected: z.int(),
          utilisation: z.number().describe('load / capacity, in percent'),
        }),
      )
      .describe('those that are not gone'),
    totals: z.object({
      devices: z.int(),
      owned: z.int(),
      connected: z.int(),
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
      .array(
        z.object({
          deviceId: z.string(),
          name: z.string(),
          since: Time,
          statusReason: z.string().optional(),
        }),
      )
      .describe('devices that a client outside the fleet keeps taking over; the newest first'),
    duplicates: z
      .object({ names: z.array(Duplicate), urls: z.array(Duplicate) })
      .describe('names and URLs that two servers use at the same time; must be empty'),
  }),
)

const showFleet = defineRoute({
  method: 'GET',
  path: '/fleet',
  scope: 'read',
  summary: 'Distribution, utilisation, churn and conflicts',
  answers: { 200: answers('the fleet', FleetAnswer) },
  async handle(world) {
    const [servers, byStatus, churn, conflicted] = await Promise.all([
      listServers(world.store),
      countByStatus(world.store),
      readChurn(world.store, world.clock, CHURN_MINUTES),
      listConflicted(world.store),
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
      duplicates: { names: duplicates(live, 'name'), urls: duplicates(live, 'url') },
    })
  },
})

type Distribution = z.output<typeof FleetAnswer>['servers']

function distribute(world: LambdaWorld, live: readonly ServerRow[]): Promise<Distribution> {
  return inParallel(live, COUNTS_AT_ONCE, async (server) => {
    const { serverId, name, state, capacity, load, connected } = server
    const owned = await world.store.count('Devices', { index: 'byOwner', partition: serverId })
    return { serverId, name, state, capacity, load, owned, connected, utilisation: percent(load, capacity) }
  })
}

async function countByStatus(store: Store): Promise<Record<string, number>> {
  const counted = await inParallel(DEVICE_STATUSES, DEVICE_STATUSES.length, async (status) => {
    return [status, await store.count('Devices', { index: 'byStatus', partition: status })] as const
  })
  return Object.fromEntries(counted)
}

async function listConflicted(store: Store) {
  const { rows } = await store.query('Devices', {
    index: 'byStatus',
    partition: 'conflicted',
    descending: true,
    limit: CONFLICTED_SHOWN_MAX,
  })
  return rows.map(({ deviceId, name, updatedAt, statusReason }) => ({
    deviceId,
    name,
    since: isoTime(updatedAt),
    statusReason,
  }))
}

function totalsOf(live: readonly ServerRow[], distribution: Distribution, byStatus: Record<string, number>) {
  const active = live.filter(({ state }) => state === 'active')
  const load = sum(active.map((server) => server.load))
  const capacity = sum(active.map((server) => server.capacity))
  return {
    devices: sum(Object.values(byStatus)),
    owned: sum(distribution.map((server) => server.owned)),
    connected: sum(live.map((server) => server.connected)),
    servers: live.length,
    serversActive: active.length,
    load,
    capacity,
    utilisation: percent(load, capacity),
  }
}

/** A joining server does not hold its name yet: it may find that another one does. */
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
