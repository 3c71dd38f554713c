/** When the sweep last looked, so that people see whether it watches the fleet. No decision reads it. */
import { type Clock, expiresInSeconds } from '../clock.ts'
import { FLEET } from '../store/history-row.ts'
import type { Store } from '../store/store.ts'

const AT = 'sweep'
const KEPT_SECONDS = 7 * 86_400
/** The sweep looks every second. People need no newer stamp than this. */
export const STAMP_EVERY_MS = 5000

export async function stampSweep(store: Store, clock: Clock): Promise<void> {
  const lookedAt = clock.wallMs()
  const expiresAt = expiresInSeconds(lookedAt, KEPT_SECONDS)
  await store.update(
    'History',
    { deviceId: FLEET, at: AT },
    { set: { kind: 'sweep-stamp', lookedAt, expiresAt }, when: [] },
  )
}

/** @returns wall-clock ms, at most some seconds old while a sweep runs. Undefined when no sweep has looked
 *  for a week */
export async function readSweepStamp(store: Store): Promise<number | undefined> {
  const { rows } = await store.query('History', { partition: FLEET, sort: { from: AT, to: AT }, limit: 1 })
  const [stamp] = rows
  return stamp?.kind === 'sweep-stamp' ? stamp.lookedAt : undefined
}
