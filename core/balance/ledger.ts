/** The ledger of rebalancing: which devices are under way, what was spent, what rebalancing waits for, and
 *  whether an operator has paused it. All of it is in one row, and each write is conditional on the row as
 *  it was read. So the limits hold with two sweeps at once: a device is written here before it is asked to
 *  move. */

import type { Clock } from '../clock.ts'
import { fleetRowId, type Pause, type RebalancingRow, type RebalancingStatus } from '../store/fleet-row.ts'
import type { OperationItem } from '../store/operation-row.ts'
import { type Change, type Store, when } from '../store/store.ts'

const KEY = { operationId: fleetRowId('rebalancing') }
const row = when<RebalancingRow>()

/** The span of the budget. */
export const WINDOW_MINUTES = 10
const MINUTE_MS = 60_000

export interface Ledger {
  /** Absent until the row is written for the first time. */
  readonly version?: number
  readonly status?: RebalancingStatus
  readonly paused?: Pause
}

/** A consistent read. */
export async function readLedger(store: Store): Promise<Ledger> {
  return ledgerOf(await store.get('Operations', KEY))
}

/** @returns false when another sweep, or a pause, has written since `read` */
export async function saveStatus(
  store: Store,
  read: Ledger,
  rebalancing: RebalancingStatus,
): Promise<boolean> {
  const unchanged = read.version === undefined ? row.absent('version') : row.equals('version', read.version)
  return (await write(store, { set: { rebalancing }, when: [unchanged] })) !== undefined
}

/** From this write on no sweep chooses a further device. */
export async function pause(store: Store, clock: Clock, by: string): Promise<Ledger> {
  return ledgerOf(await write(store, { set: { paused: { by, at: clock.wallMs() } }, when: [] }))
}

export async function resume(store: Store): Promise<Ledger> {
  return ledgerOf(await write(store, { remove: ['paused'], when: [] }))
}

function write(store: Store, change: Change<RebalancingRow>): Promise<OperationItem | undefined> {
  const set = { ...change.set, kind: 'rebalancing' as const }
  return store.update('Operations', KEY, { ...change, set, add: { version: 1 } })
}

function ledgerOf(item: OperationItem | undefined): Ledger {
  if (item?.kind !== 'rebalancing') return {}
  const { version, rebalancing, paused } = item
  return {
    version,
    ...(rebalancing === undefined ? {} : { status: rebalancing }),
    ...(paused === undefined ? {} : { paused }),
  }
}

/** The moves that count against the budget: all of this minute and of the ten before. So no span of ten
 *  minutes sees more moves than the budget. */
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

/** Minutes that seem to lie ahead count as well: a clock that was set back must not forget what was spent. */
function recent(spent: RebalancingStatus['spent'], nowMs: number): RebalancingStatus['spent'] {
  return spent.filter(({ minute }) => minute >= Math.floor(nowMs / MINUTE_MS) - WINDOW_MINUTES)
}
