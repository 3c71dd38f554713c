/** How many devices may be quarantined. A release of the host program that crashes at every login would
 *  look like one poisonous device after another. The limit keeps such a release from quarantining the
 *  whole fleet. */
import { type Clock, expiresInSeconds } from '../clock.ts'
import { fleetRowId, type QuarantineLimitRow } from '../store/fleet-row.ts'
import { type Store, when } from '../store/store.ts'

const row = when<QuarantineLimitRow>()

/** Quarantines of the whole fleet. Poisonous devices are rare. A suspect beyond the limit goes on with its
 *  pauses, and connects alone on its server. */
const QUARANTINES_PER_HOUR_MAX = 10
const KEPT_SECONDS = 2 * 3600

/** Takes one of this hour's quarantines, by one conditional write. The wall clock will do, since nothing
 *  about ownership is decided.
 *  @returns false when none is left */
export async function mayQuarantine({ store, clock }: { store: Store; clock: Clock }): Promise<boolean> {
  const nowMs = clock.wallMs()
  const hour = new Date(nowMs).toISOString().slice(0, 13)
  const taken = await store.update(
    'Operations',
    { operationId: fleetRowId(`quarantines#${hour}`) },
    {
      add: { quarantines: 1 },
      set: { kind: 'quarantine-limit', expiresAt: expiresInSeconds(nowMs, KEPT_SECONDS) },
      when: [row.any(row.absent('quarantines'), row.atMost('quarantines', QUARANTINES_PER_HOUR_MAX - 1))],
    },
  )
  return taken !== undefined
}
