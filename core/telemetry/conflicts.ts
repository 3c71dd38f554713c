/** Which devices had a conflict (close code 440) lately. Each conflict has a small row among the fleet's
 *  own rows of the history, so that `GET /fleet` need not search all devices. For people; no decision
 *  reads it. */
import { type Clock, expiresInSeconds } from '../clock.ts'
import type { DeviceId, Epoch, ServerId } from '../ids.ts'
import type { Random } from '../random.ts'
import { type ConflictRow, FLEET } from '../store/history-row.ts'
import type { Store } from '../store/store.ts'

const PREFIX = 'conflict#'
/** Sorts after every key that begins with the prefix. */
const END = 'conflict#~'
export const CONFLICTS_KEPT_HOURS = 24
/** The most conflicts read for one answer. Older conflicts are counted only in the metrics. */
const CONFLICTS_READ_MAX = 200

export interface Conflict {
  readonly device: DeviceId
  readonly server: ServerId
  readonly serverName: string
  /** The epoch of the socket that was closed. */
  readonly epoch: Epoch
}

export async function recordConflict(
  { store, clock, random }: { store: Store; clock: Clock; random: Random },
  { device, server, serverName, epoch }: Conflict,
): Promise<void> {
  const nowMs = clock.wallMs()
  await store.put('History', {
    deviceId: FLEET,
    kind: 'conflict',
    at: `${PREFIX}${new Date(nowMs).toISOString()}#${random.id()}`,
    event: 'conflicted',
    device,
    server,
    serverName,
    epoch,
    why: 'status 440',
    expiresAt: expiresInSeconds(nowMs, CONFLICTS_KEPT_HOURS * 3600),
  })
}

export interface DeviceConflicts {
  readonly deviceId: DeviceId
  readonly conflicts: number
  /** ISO time of the last conflict. */
  readonly lastAt: string
  /** The server that owned the device then. */
  readonly serverName: string
}

/** The devices that had conflicts in the last 24 hours, the latest first. The query has a time bound,
 *  since DynamoDB deletes expired rows up to two days late. */
export async function readConflicts(store: Store, clock: Clock): Promise<DeviceConflicts[]> {
  const since = new Date(clock.wallMs() - CONFLICTS_KEPT_HOURS * 3_600_000).toISOString()
  const { rows } = await store.query('History', {
    partition: FLEET,
    sort: { from: `${PREFIX}${since}`, to: END },
    descending: true,
    limit: CONFLICTS_READ_MAX,
  })
  const byDevice = new Map<DeviceId, DeviceConflicts>()
  for (const { device, at, serverName } of rows.filter((row) => row.kind === 'conflict')) {
    const later = byDevice.get(device)
    byDevice.set(
      device,
      later
        ? { ...later, conflicts: later.conflicts + 1 }
        : { deviceId: device, conflicts: 1, lastAt: timeOf(at), serverName },
    )
  }
  return [...byDevice.values()]
}

function timeOf(at: ConflictRow['at']): string {
  return at.slice(PREFIX.length).split('#')[0] ?? ''
}
