/** The route that pauses and resumes rebalancing, and the answer that shows its state. */
import * as z from 'zod'
import {
  type Ledger,
  movesWithinWindow,
  pause,
  readLedger,
  resume,
  WINDOW_MINUTES,
} from '../../../core/balance/ledger.ts'
import { spreadOf } from '../../../core/balance/plan.ts'
import { inParallel, LANES } from '../../../core/parallel.ts'
import { listServers } from '../../../core/protocol/membership.ts'
import { offerSurplus } from '../../../core/requests/server-requests.ts'
import { REBALANCE_DEFAULTS } from '../../../core/settings.ts'
import { REBALANCING_STATES } from '../../../core/store/fleet-row.ts'
import { isLive, type ServerRow } from '../../../core/store/server-row.ts'
import type { Store } from '../../../core/store/store.ts'
import { json } from '../answer.ts'
import { answers, defineRoute, named } from '../route.ts'
import { isoTime, Time } from '../schemas.ts'
import { percent } from './servers.ts'

export const RebalancingAnswer = named(
  'Rebalancing',
  z.object({
    state: z
      .enum(REBALANCING_STATES)
      .describe('`waiting`: the servers may be uneven, and nothing moves yet; `why` gives the reason'),
    why: z.string(),
    spreadPercent: z
      .number()
      .describe('how much fuller the fullest active server is than the emptiest, in percent of the capacity'),
    bandPercent: z.number().describe('nothing moves while the spread is within this band'),
    movedInWindow: z.int().describe(`devices asked to move within the last ${WINDOW_MINUTES} minutes`),
    budgetInWindow: z
      .int()
      .optional()
      .describe('the most that may move in that time; absent until a sweep has looked'),
    inFlight: z.int().describe('devices that are moving now'),
    paused: z
      .object({ by: z.string().describe('the id of an API key'), since: Time })
      .optional()
      .describe('absent unless an operator has paused rebalancing'),
  }),
)
export type RebalancingAnswer = z.output<typeof RebalancingAnswer>

export function rebalancingAnswer(
  { status, paused }: Ledger,
  servers: readonly ServerRow[],
  nowMs: number,
): RebalancingAnswer {
  const spread = spreadOf(servers.filter(({ state }) => state === 'active'))
  const since = paused && isoTime(paused.at)
  const shown = status
    ? { state: status.state, why: status.why }
    : ({ state: 'waiting', why: 'no sweep has looked yet' } as const)
  return {
    ...(paused ? { state: 'paused', why: `paused with key ${paused.by} at ${since}` } : shown),
    spreadPercent: percent(spread, 1),
    bandPercent: status?.bandPercent ?? REBALANCE_DEFAULTS.bandPercent,
    movedInWindow: movesWithinWindow(status?.spent ?? [], nowMs),
    ...(status ? { budgetInWindow: status.budget } : {}),
    inFlight: status?.underWay.length ?? 0,
    ...(paused && since ? { paused: { by: paused.by, since } } : {}),
  }
}

const pauseRebalancing = defineRoute({
  method: 'POST',
  path: '/fleet/rebalancing',
  scope: 'operate',
  summary: 'Pause or resume rebalancing',
  description:
    'While rebalancing is paused, no further device is asked to move for evenness. Moves under way are finished. A ' +
    'device without a server still goes to one of the emptier servers. Repeating the request is harmless.',
  body: z.strictObject({ paused: z.boolean() }),
  answers: { 200: answers('the present state of rebalancing', RebalancingAnswer) },
  async handle(world, { body, caller }) {
    const { store, clock, telemetry } = world
    const before = await readLedger(store)
    const isChange = (before.paused !== undefined) !== body.paused
    const ledger = isChange ? await (body.paused ? pause(store, clock, caller.keyId) : resume(store)) : before
    const servers = await listServers(store)
    if (body.paused) await takeSurplusesBack(store, servers)
    const answer = rebalancingAnswer(ledger, servers, clock.wallMs())
    if (isChange) {
      const why = `${body.paused ? 'paused' : 'resumed'} with key ${caller.keyId}`
      telemetry.emit('rebalancing.changed', { state: answer.state, why })
    }
    return json(200, answer)
  },
})

/** The sweep would do this too, but later. A surplus that a server has used
 *  meanwhile is left to the sweep. */
async function takeSurplusesBack(store: Store, servers: readonly ServerRow[]): Promise<void> {
  const offered = servers.filter((server) => isLive(server) && server.surplus !== undefined)
  await inParallel(offered, LANES, (server) => offerSurplus(store, server, 0))
}

export const REBALANCING_ROUTES = [pauseRebalancing]
