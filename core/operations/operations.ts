/**
 * This room has the operations: requests that take a while, and that people can follow until they have
 * ended. There are three kinds: the move of a device, the drain of a server, and the rolling restart. The
 * API begins and stops them, and the sweep takes their steps. A step must never rely on memory: the row
 * holds all that it takes to go on after a crash.
 *
 * This file reads and writes the rows; core/operations/steps.ts takes the steps.
 */

import { type Clock, expiresInSeconds } from '../clock.ts'
import type { ServerId } from '../ids.ts'
import { asOperation, type OperationRow } from '../store/operation-row.ts'
import { queryAll, type Store, when } from '../store/store.ts'

/** With these ids at most one drain of a server, and at most one restart of the fleet, can run at a time. */
export const RESTART_ID = 'restart'
export function drainId(server: ServerId): string {
  return `drain-${server}`
}

const operation = when<OperationRow>()
const KEPT_SECONDS = 7 * 86_400

/** The attributes that the caller gives for a new operation; the others are the same for all. */
type New<Kind extends OperationRow> = Omit<
  Kind,
  'state' | 'open' | 'version' | 'startedAt' | 'endedAt' | 'expiresAt'
>

/** @returns undefined when an operation with this id still runs */
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
 *  @returns undefined when the row has been written since: the step was not taken */
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

/** The running operations, as the lagging index lists them: read one consistently before taking its step. */
export async function listRunning(store: Store): Promise<OperationRow[]> {
  const items = await queryAll(store, 'Operations', { index: 'byOpen', partition: 'open' })
  return items.flatMap((item) => asOperation(item) ?? [])
}

function expiry(nowMs: number): number {
  return expiresInSeconds(nowMs, KEPT_SECONDS)
}
