/** Spares money: the service is scaled at most once within a cool-down, however many sweeps find a reason
 *  for it. A conditional write decides which sweep may. */
import type { Clock } from '../clock.ts'
import { type CoolDownRow, fleetRowId } from '../store/fleet-row.ts'
import { type Store, when } from '../store/store.ts'

const row = when<CoolDownRow>()

/** The times of day of two sweeps differ by less. A cool-down whose end lies further ahead than this was
 *  begun by a clock that was wrong. It must not keep the service from growing until that time comes. */
const CLOCKS_DIFFER_SECONDS_MAX = 300

/** Begins a cool-down. The wall clock will do, since nothing about ownership is decided.
 *  @returns false while an earlier cool-down lasts */
export async function coolDown(
  { store, clock }: { store: Store; clock: Clock },
  what: 'scale-out' | 'scale-in',
  seconds: number,
): Promise<boolean> {
  const now = Math.floor(clock.wallMs() / 1000)
  const begun = await store.update(
    'Operations',
    { operationId: fleetRowId(what) },
    {
      set: { kind: 'cool-down', expiresAt: now + seconds },
      when: [
        row.any(
          row.absent('expiresAt'),
          row.atMost('expiresAt', now),
          row.atLeast('expiresAt', now + seconds + CLOCKS_DIFFER_SECONDS_MAX),
        ),
      ],
    },
  )
  return begun !== undefined
}
