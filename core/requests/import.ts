/** How credentials that were made elsewhere come to a device, each step one conditional write on its row. A device whose
 *  import has begun cannot be started; the write that ends the import makes it linked and startable at once. Each import
 *  writes under credentials of its own: what one that was given up still writes lands where nobody reads. */
import type { Clock } from '../clock.ts'
import type { DeviceId } from '../ids.ts'
import { LOGGED_OUT, register } from '../protocol/ownership.ts'
import { type Account, type DeviceRow, type Home, unassignedShard } from '../store/device-row.ts'
import { queryAll, type Store, when } from '../store/store.ts'

const device = when<DeviceRow>()
const UNFINISHED = 'its import has not finished: run it again'

export interface Import {
  readonly device: DeviceId
  readonly name: string
  readonly home?: Home
  /** Fresh for each import. */
  readonly importId: string
  /** Fresh for each import. */
  readonly credentialsId: string
}

/** Registers the device at rest, or takes one that rests and was never linked: so does one whose import was given up.
 *  @returns undefined when it may not be touched: it has credentials or an owner, is wanted running or deleted, or another
 *  import has just begun */
export async function beginImport(store: Store, clock: Clock, begun: Import): Promise<DeviceRow | undefined> {
  const { device: deviceId, importId, credentialsId, name, home } = begun
  const registration = {
    deviceId,
    name,
    credentialsId,
    importing: importId,
    restsBecause: UNFINISHED,
    ...(home ? { home } : {}),
  }
  if (await register(store, clock, registration)) return store.get('Devices', { deviceId })
  const before = await store.get('Devices', { deviceId })
  const wasBegun = before?.importing
  const isAsRead = wasBegun === undefined ? device.absent('importing') : device.equals('importing', wasBegun)
  // Its own row when the answer to the registration was lost.
  const isGivenUp = wasBegun !== undefined && wasBegun !== importId
  return store.update(
    'Devices',
    { deviceId },
    {
      set: {
        importing: importId,
        credentialsId,
        abandonedCredentialsIds: isGivenUp
          ? [...(before?.abandonedCredentialsIds ?? []), before?.credentialsId ?? '']
          : before?.abandonedCredentialsIds,
        home,
        status: 'stopped',
        statusReason: UNFINISHED,
        updatedAt: clock.wallMs(),
      },
      remove: [...LOGGED_OUT, 'unassignedShard', 'unassignedSince', 'suspicion', 'quarantinedAt'],
      when: [
        device.present('deviceId'),
        device.absent('owner'),
        device.equals('desired', 'stopped'),
        device.absent('deleting'),
        device.absent('pairedAt'),
        device.any(isAsRead, device.equals('importing', importId)),
      ],
    },
  )
}

export interface FinishedImport extends Pick<Import, 'device' | 'importId' | 'credentialsId'> {
  readonly account: Account
  /** Why it stays stopped; without it the device gets a server. */
  readonly restsBecause?: string
}

/** Links the device, after all its credentials are stored.
 *  @returns false when another import has begun since, or the device was deleted */
export async function finishImport(
  store: Store,
  clock: Clock,
  { device: deviceId, importId, credentialsId, account, restsBecause }: FinishedImport,
): Promise<boolean> {
  const now = clock.wallMs()
  const rests = { desired: 'stopped', status: 'stopped', statusReason: restsBecause } as const
  const runs = {
    desired: 'running',
    status: 'unassigned',
    unassignedShard: unassignedShard(deviceId),
    unassignedSince: now,
  } as const
  const finished = await store.update(
    'Devices',
    { deviceId },
    {
      set: { ...(restsBecause === undefined ? runs : rests), account, pairedAt: now, updatedAt: now },
      remove: [
        'importing',
        'abandonedCredentialsIds',
        ...(restsBecause === undefined ? (['statusReason'] as const) : []),
      ],
      when: [device.equals('importing', importId), device.absent('owner'), device.absent('deleting')],
    },
  )
  if (finished) return true
  // An earlier try of this very request may have been applied.
  const row = await store.get('Devices', { deviceId })
  return row?.credentialsId === credentialsId && row.importing === undefined && row.pairedAt !== undefined
}

/** Removes what imports that were given up had stored. Before the import is finished: until then the row names them, so that
 *  one that ends in between leaves it to the next.
 *  @param row as the import has begun with it */
export async function discardHalves(
  store: Store,
  { deviceId, abandonedCredentialsIds = [] }: DeviceRow,
): Promise<void> {
  for (const credentialsId of abandonedCredentialsIds) {
    const sort = { beginsWith: `${credentialsId}/` }
    const stored = await queryAll(store, 'AuthState', { partition: deviceId, sort })
    for (const { key } of stored) await store.remove('AuthState', { deviceId, key })
  }
}
