/** What may be done only once in a while, by whoever comes first: decided by one conditional write. */
import type { Clock } from '../clock.ts'
import { FLEET, type HistoryRow } from '../store/history-row.ts'
import { type Store, when } from '../store/store.ts'

const row = when<HistoryRow>()

/** Begins a cool-down. By the wall clock: it spares money, and decides nothing about ownership.
 *  @returns false while an earlier one lasts */
export async function coolDown(
  { store, clock }: { store: Store; clock: Clock },
  what: 'scale-out' | 'scale-in',
  seconds: number,
): Promise<boolean> {
  const now = Math.floor(clock.wallMs() / 1000)
  const begun = await store.update(
    'History',
    { deviceId: FLEET, at: what },
    {
      set: { expiresAt: now + seconds },
      when: [row.any(row.absent('expiresAt'), row.atMost('expiresAt', now))],
    },
  )
  return begun !== undefined
}
