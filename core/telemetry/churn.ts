/** Churn by the minute, so that `GET /fleet` can tell of the last 15 minutes without asking CloudWatch.
 *  Every Lambda and server adds its own counts. A count that is lost harms nobody. */
import { CHURN_METRICS, type ChurnMetric } from '../catalogue.ts'
import { type Clock, expiresInSeconds } from '../clock.ts'
import { FLEET } from '../store/history-row.ts'
import type { Store } from '../store/store.ts'

const KEPT_SECONDS = 3600

export interface ChurnLedger {
  count(metric: ChurnMetric, by: number): void
  /** Writes the counts since the last flush, in one request. Without counts it writes nothing. */
  flush(): Promise<void>
}

export function churnLedger(store: Store, clock: Clock): ChurnLedger {
  let counts: { [M in ChurnMetric]?: number } = {}
  return {
    count(metric, by) {
      counts[metric] = (counts[metric] ?? 0) + by
    },
    async flush() {
      if (Object.keys(counts).length === 0) return
      const add = counts
      counts = {}
      const at = minute(clock.wallMs())
      const expiresAt = expiresInSeconds(clock.wallMs(), KEPT_SECONDS)
      await store.update(
        'History',
        { deviceId: FLEET, at },
        { add, set: { kind: 'churn', expiresAt }, when: [] },
      )
    },
  }
}

/** @returns the sum of each churn metric over the last `minutes` */
export async function readChurn(
  store: Store,
  clock: Clock,
  minutes: number,
): Promise<Record<ChurnMetric, number>> {
  const now = clock.wallMs()
  const sort = { from: minute(now - minutes * 60_000), to: minute(now) }
  const { rows } = await store.query('History', { partition: FLEET, sort })
  const counted = rows.filter((row) => row.kind === 'churn')
  const sums = CHURN_METRICS.map((metric) => [
    metric,
    counted.reduce((sum, row) => sum + (row[metric] ?? 0), 0),
  ])
  return Object.fromEntries(sums)
}

/** The requested moves that ended within some minutes. */
export interface MoveTimes {
  readonly moves: number
  /** How long the devices were without a socket, added up. */
  readonly seconds: number
}

export async function readMoveTimes(store: Store, clock: Clock, minutes: number): Promise<MoveTimes> {
  const { MovesFinished: moves, MoveSeconds: seconds } = await readChurn(store, clock, minutes)
  return { moves, seconds }
}

function minute(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16)
}
