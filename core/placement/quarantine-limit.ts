/** How many devices may be quarantined. A release of the servers that crashes at every login would look like one poisonous
 *  device after another: the fleet must not be put away for it. */
import { type Clock, expiresInSeconds } from '../clock.ts'
import { FLEET, type HistoryRow } from '../store/history-row.ts'
import { type Store, when } from '../store/store.ts'

const row = when<HistoryRow>()

/** Of the whole fleet. Real ones are rare; a suspect beyond them keeps its pauses, and connects as the only one. */
const QUARANTINES_PER_HOUR_MAX = 10
const KEPT_SECONDS = 2 * 3600

/** Takes one of this hour's quarantines, by one conditional write. By the wall clock: it decides nothing about ownership.
 *  @returns false when there is none left */
export async function mayQuarantine({ store, clock }: { store: Store; clock: Clock }): Promise<boolean> {
  const nowMs = clock.wallMs()
  const at = `quarantines#${new Date(nowMs).toISOString().slice(0, 13)}`
  const taken = await store.update(
    'History',
    { deviceId: FLEET, at },
    {
      add: { quarantines: 1 },
      set: { expiresAt: expiresInSeconds(nowMs, KEPT_SECONDS) },
      when: [row.any(row.absent('quarantines'), row.atMost('quarantines', QUARANTINES_PER_HOUR_MAX - 1))],
    },
  )
  return taken !== undefined
}
