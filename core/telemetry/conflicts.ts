/** Which devices had a conflict (status 440) lately: one small row for each conflict, in the fleet's part of the history, so
 *  that nobody has to search the devices for them. For people; no decision reads it. */
import { type Clock, expiresInSeconds } from '../clock.ts'
import type { DeviceId, Epoch, ServerId } from '../ids.ts'
import type { Random } from '../random.ts'
import { type ConflictRow, FLEET } from '../store/history-row.ts'
import type { Store } from '../store/store.ts'

const PREFIX = 'conflict#'
/** Behind everything that begins with the prefix. */
const END = 'conflict#~'
export const CONFLICTS_KEPT_HOURS = 24
/** Conflicts read to answer one question; of older ones only their count in the metrics is left. */
const CONFLICTS_READ_MAX = 200

export interface Conflict {
  readonly device: DeviceId
  readonly server: ServerId
  readonly serverName: string
  /** Of the socket that was closed. */
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
  /** ISO time of the last one, and who held the device then. */
  readonly lastAt: string
  readonly serverName: string
}

/** The devices that had conflicts in the last 24 hours, the latest first. DynamoDB deletes what has expired up to two days
 *  late, so the time is part of the question. */
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
