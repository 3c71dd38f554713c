/** The standing of the rebalancing, in one row of the fleet's part of the history: what is under way, what was spent, what it
 *  waits for, and whether an operator has paused it. Each write is conditional on the one before, so that the limits hold
 *  with two sweeps at once: a device stands here before it is asked to move. */

import type { Clock } from '../clock.ts'
import type { Pause, RebalancingStatus } from '../store/fleet-row.ts'
import { FLEET, type HistoryRow } from '../store/history-row.ts'
import { type Store, when } from '../store/store.ts'

const AT = 'rebalancing'
const row = when<HistoryRow>()

/** The time that the budget is for. */
export const WINDOW_MINUTES = 10
const MINUTE_MS = 60_000

export interface Ledger {
  /** Absent until somebody has written. */
  readonly version?: number
  readonly standing?: RebalancingStatus
  readonly paused?: Pause
}

/** A consistent read. */
export async function readLedger(store: Store): Promise<Ledger> {
  const { rows } = await store.query('History', { partition: FLEET, sort: { from: AT, to: AT }, limit: 1 })
  return rows[0] ? ledgerOf(rows[0]) : {}
}

/** @returns false when somebody has written since, a pause included */
export async function saveStanding(
  store: Store,
  read: Ledger,
  rebalancing: RebalancingStatus,
): Promise<boolean> {
  const unchanged = read.version === undefined ? row.absent('version') : row.equals('version', read.version)
  const saved = await store.update(
    'History',
    { deviceId: FLEET, at: AT },
    { set: { rebalancing }, add: { version: 1 }, when: [unchanged] },
  )
  return saved !== undefined
}

/** From this write on no sweep chooses a further device. */
export function pause(store: Store, clock: Clock, by: string): Promise<Ledger> {
  return write(store, { set: { paused: { by, at: clock.wallMs() } } })
}

export function resume(store: Store): Promise<Ledger> {
  return write(store, { remove: ['paused'] })
}

async function write(
  store: Store,
  change: { set?: Pick<HistoryRow, 'paused'>; remove?: readonly 'paused'[] },
): Promise<Ledger> {
  const key = { deviceId: FLEET, at: AT }
  const written = await store.update('History', key, { ...change, add: { version: 1 }, when: [] })
  return written ? ledgerOf(written) : {}
}

function ledgerOf({ version, rebalancing, paused }: HistoryRow): Ledger {
  return {
    ...(version === undefined ? {} : { version }),
    ...(rebalancing === undefined ? {} : { standing: rebalancing }),
    ...(paused === undefined ? {} : { paused }),
  }
}

/** Moves that count against the budget: those of this minute and the ten before, so that no ten minutes see more. */
export function movesWithinWindow(spent: RebalancingStatus['spent'], nowMs: number): number {
  return recent(spent, nowMs).reduce((sum, { moves }) => sum + moves, 0)
}

export function spend(
  spent: RebalancingStatus['spent'],
  nowMs: number,
  moves: number,
): RebalancingStatus['spent'] {
  const minute = Math.floor(nowMs / MINUTE_MS)
  const before = recent(spent, nowMs)
  const inThis = before.find((one) => one.minute === minute)?.moves ?? 0
  return [...before.filter((one) => one.minute !== minute), { minute, moves: inThis + moves }]
}

/** A clock that was set back must not forget what was spent: what seems to lie ahead counts, too. */
function recent(spent: RebalancingStatus['spent'], nowMs: number): RebalancingStatus['spent'] {
  return spent.filter(({ minute }) => minute >= Math.floor(nowMs / MINUTE_MS) - WINDOW_MINUTES)
}
