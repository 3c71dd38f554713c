/** What was begun and can be followed until it has ended: the move of a device, the drain of a server, a rolling restart.
 *  One row each. The row holds all that it takes to go on after a crash; sweep.ts takes the steps. */
import type { Clock } from '../clock.ts'
import type { DeviceId, ServerId } from '../ids.ts'
import { queryAll, type Store, when } from '../store/store.ts'

export const OPERATION_STATES = ['running', 'done', 'refused', 'timed_out', 'cancelled'] as const
export type OperationState = (typeof OPERATION_STATES)[number]

interface Operation {
  readonly operationId: string
  readonly state: OperationState
  /** Present while it runs; the key of `byOpen`. */
  readonly open?: 'open'
  /** Raised by each write: of two sweeps that take the same step, one wins. */
  readonly version: number
  /** How it stands, in words for the operator. */
  readonly why: string
  /** Who asked for it: the id of an API key, or `sweep`. */
  readonly askedBy: string
  /** Wall-clock ms since 1970, for people. */
  readonly startedAt: number
  readonly endedAt?: number
  /** Seconds since 1970; see tables.ts. */
  readonly expiresAt: number
}

/** A device on its way to another server. */
export interface Reassign extends Operation {
  readonly kind: 'reassign'
  readonly deviceId: DeviceId
  /** Its owner when the move was asked for; absent when it had none. */
  readonly from?: ServerId
  /** The claim under which `from` held it then: under another one it has been let go since. */
  readonly claimId?: string
  readonly to: ServerId | 'any'
}

/** A device that was asked to move and is not yet seen to have settled elsewhere. */
export interface Moving {
  readonly deviceId: DeviceId
  readonly askedAt: number
}

/** A server on its way to having no devices. */
export interface Drain extends Operation {
  readonly kind: 'drain'
  readonly serverId: ServerId
  readonly serverName: string
  /** The server that shall get the devices; any when left out. */
  readonly to?: ServerId
  /** Whether the server leaves the fleet when it is empty. */
  readonly thenLeave: boolean
  /** Devices under way at the same time, at most. */
  readonly atOnce: number
  readonly devicesAtStart: number
  readonly moving: readonly Moving[]
  /** Devices that were asked to move and have left. */
  readonly moved: number
}

export type RestartPhase = 'waiting' | 'draining' | 'stopping' | 'done'

/** One server of a rolling restart, and the server that takes its place. */
export interface RestartStep {
  readonly serverId: ServerId
  readonly name: string
  readonly phase: RestartPhase
  /** Wall-clock ms when its phase began; absent until its turn has come. */
  readonly since?: number
  readonly replacedBy?: ServerId
  readonly replacedByName?: string
  /** When its task was last asked to stop. */
  readonly stopAskedAt?: number
}

/** The deployment that brings the replacements. */
export interface Deployment {
  /** The service's newest deployment before; another one tells that ours was taken. */
  readonly before: string
  readonly askedAt: number
  readonly taken: boolean
  /** Until then the service stops none of the old servers by itself. */
  readonly protectedUntil: number
}

/** All servers, one after another. */
export interface Restart extends Operation {
  readonly kind: 'restart'
  readonly steps: readonly RestartStep[]
  /** Absent until the service was asked for one. */
  readonly deployment?: Deployment
  /** It takes up what an earlier one left; not yet seen whether the service's deployment of then still goes on. */
  readonly takesUp?: boolean
  /** No further server is begun, by the wish of this one. */
  readonly stopAskedBy?: string
}

export type OperationRow = Reassign | Drain | Restart

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
export function readOperation(store: Store, operationId: string): Promise<OperationRow | undefined> {
  return store.get('Operations', { operationId })
}

/** Those that run, as the lagging index lists them: read one consistently before taking a step. */
export function listRunning(store: Store): Promise<OperationRow[]> {
  return queryAll(store, 'Operations', { index: 'byOpen', partition: 'open' })
}

function expiry(nowMs: number): number {
  return Math.floor(nowMs / 1000) + KEPT_SECONDS
}
