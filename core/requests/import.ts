/** Brings credentials that were made elsewhere to a device, in steps of one conditional write on its row
 *  each. A device whose import has begun cannot be started; the write that ends the import makes it linked
 *  and startable at once. Each import has a `credentialsId` of its own, so late writes of an abandoned import
 *  land where nothing reads them. */
import type { Clock } from '../clock.ts'
import type { DeviceId, Epoch } from '../ids.ts'
import { LOGGED_OUT, register } from '../protocol/ownership.ts'
import { type Account, type DeviceRow, type Home, unassignedShard } from '../store/device-row.ts'
import { queryAll, type Store, when } from '../store/store.ts'

const device = when<DeviceRow>()
const UNFINISHED = 'its import has not finished: run it again'
/** The batch is set anew, and an attribute cannot be set and removed by one write. */
const LOST = LOGGED_OUT.filter((attribute) => attribute !== 'importBatch')

export interface Import {
  readonly device: DeviceId
  readonly name: string
  readonly home?: Home
  /** Fresh for each import. */
  readonly importId: string
  /** Fresh for each import. */
  readonly credentialsId: string
  /** The import run, so that it can be undone as a whole. */
  readonly batch: string
}

/** Registers the device as stopped. A device that exists already is taken if it is stopped and was never
 *  linked, as after an abandoned import.
 *  @returns undefined when the device may not be touched: it is linked, owned, wanted running or being
 *  deleted, or another import has just begun */
export async function beginImport(store: Store, clock: Clock, begun: Import): Promise<DeviceRow | undefined> {
  const { device: deviceId, importId, credentialsId, name, home, batch } = begun
  const registration = {
    deviceId,
    name,
    credentialsId,
    importing: importId,
    importBatch: batch,
    stoppedBecause: UNFINISHED,
    ...(home ? { home } : {}),
  }
  if (await register(store, clock, registration)) return store.get('Devices', { deviceId })
  const before = await store.get('Devices', { deviceId })
  const wasBegun = before?.importing
  const isAsRead = wasBegun === undefined ? device.absent('importing') : device.equals('importing', wasBegun)
  // If the answer to the registration was lost, the row is this import's own.
  const isAbandoned = wasBegun !== undefined && wasBegun !== importId
  return store.update(
    'Devices',
    { deviceId },
    {
      set: {
        importing: importId,
        credentialsId,
        abandonedCredentialsIds: isAbandoned
          ? [...(before?.abandonedCredentialsIds ?? []), before?.credentialsId ?? '']
          : before?.abandonedCredentialsIds,
        importBatch: batch,
        importedOver: wasBegun === undefined ? true : undefined,
        home,
        status: 'stopped',
        statusReason: UNFINISHED,
        updatedAt: clock.wallMs(),
      },
      remove: [...LOST, 'unassignedShard', 'unassignedSince', 'suspicion', 'quarantinedAt'],
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
  /** As `beginImport` returned it. */
  readonly epoch: Epoch
  /** Why the device stays stopped; without a reason it gets a server. */
  readonly stoppedBecause?: string
}

/** Links the device, after all its credentials are stored.
 *  @returns false when another import has begun since, or the device was deleted */
export async function finishImport(
  store: Store,
  clock: Clock,
  { device: deviceId, importId, credentialsId, account, epoch, stoppedBecause }: FinishedImport,
): Promise<boolean> {
  const now = clock.wallMs()
  const rests = { desired: 'stopped', status: 'stopped', statusReason: stoppedBecause } as const
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
      set: {
        ...(stoppedBecause === undefined ? runs : rests),
        account,
        pairedAt: now,
        updatedAt: now,
        importEpoch: epoch,
      },
      remove: [
        'importing',
        'abandonedCredentialsIds',
        ...(stoppedBecause === undefined ? (['statusReason'] as const) : []),
      ],
      when: [
        device.equals('importing', importId),
        device.equals('epoch', epoch),
        device.absent('owner'),
        device.absent('deleting'),
      ],
    },
  )
  if (finished) return true
  // An earlier try of this same request may have been applied.
  const row = await store.get('Devices', { deviceId })
  return row?.credentialsId === credentialsId && row.importing === undefined && row.pairedAt !== undefined
}

/** Deletes the credentials stored by abandoned imports. Call it before `finishImport`: the row lists them
 *  until then. So if this import also fails, the next import still finds them.
 *  @param row as `beginImport` returned it */
export async function deleteAbandonedCredentials(
  store: Store,
  { deviceId, abandonedCredentialsIds = [] }: DeviceRow,
): Promise<void> {
  for (const credentialsId of abandonedCredentialsIds) await deleteItems(store, deviceId, credentialsId)
}

/** Deletes what an import has stored that could not finish. Nobody else lists those items: the import that
 *  took the device over may have deleted them before the last ones were stored.
 *  @returns false when the device uses them after all */
export async function deleteOwnCredentials(
  store: Store,
  { device: deviceId, credentialsId }: Pick<Import, 'device' | 'credentialsId'>,
): Promise<boolean> {
  const row = await store.get('Devices', { deviceId })
  if (row?.credentialsId === credentialsId) return false
  await deleteItems(store, deviceId, credentialsId)
  return true
}

async function deleteItems(store: Store, deviceId: DeviceId, credentialsId: string): Promise<void> {
  const sort = { beginsWith: `${credentialsId}/` }
  const stored = await queryAll(store, 'AuthState', { partition: deviceId, sort })
  for (const { key } of stored) await store.remove('AuthState', { deviceId, key })
}
