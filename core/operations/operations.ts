/** What was begun and can be followed until it has ended: the move of a device, the drain of a server, a rolling restart.
 *  One row each. The row holds all that it takes to go on after a crash; core/sweep/sweep.ts takes the steps. */

import { type Clock, expiresInSeconds } from '../clock.ts'
import type { ServerId } from '../ids.ts'
import { asOperation, type OperationRow } from '../store/operation-row.ts'
import { queryAll, type Store, when } from '../store/store.ts'

/** At most one drain of a server runs at a time, and at most one restart of the fleet: their names say so. */
export const RESTART_ID = 'restart'
export function drainId(server: ServerId): string {
  return `drain-${server}`
}

const operation = when<OperationRow>()
const KEPT_SECONDS = 7 * 86_400

/** What the caller says of a new operation; the rest is the same for all. */
type New<Kind extends OperationRow> = Omit<
  Kind,
  'state' | 'open' | 'version' | 'startedAt' | 'endedAt' | 'expiresAt'
>

/** @returns undefined when one of this name still runs */
export async function beginOperation<Kind extends OperationRow>(
  store: Store,
  clock: Clock,
  wanted: New<Kind>,
): Promise<Kind | undefined> {
  const startedAt = clock.wallMs()
  const row = {
    ...wanted,
    state: 'running',
    open: 'open',
    version: 0,
    startedAt,
    expiresAt: expiry(startedAt),
  }
  const begun = row as unknown as Kind
  return (await store.put('Operations', begun, [operation.absent('open')])) ? begun : undefined
}

/** Writes the next step of an operation that was read before.
 *  @returns undefined when somebody else has written meanwhile */
export async function saveOperation<Kind extends OperationRow>(
  store: Store,
  clock: Clock,
  before: Kind,
  next: Partial<Kind>,
): Promise<Kind | undefined> {
  const now = clock.wallMs()
  const { open, ...changed } = { ...before, ...next, version: before.version + 1, expiresAt: expiry(now) }
  const runs = changed.state === 'running'
  const row = { ...changed, ...(runs ? { open } : { endedAt: now }) } as unknown as Kind
  return (await store.put('Operations', row, [operation.equals('version', before.version)])) ? row : undefined
}

/** A consistent read. */
export async function readOperation(store: Store, operationId: string): Promise<OperationRow | undefined> {
  return asOperation(await store.get('Operations', { operationId }))
}

/** Those that run, as the lagging index lists them: read one consistently before taking a step. */
export async function listRunning(store: Store): Promise<OperationRow[]> {
  const items = await queryAll(store, 'Operations', { index: 'byOpen', partition: 'open' })
  return items.flatMap((item) => asOperation(item) ?? [])
}

function expiry(nowMs: number): number {
  return expiresInSeconds(nowMs, KEPT_SECONDS)
}
