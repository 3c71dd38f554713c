/** Undoes the import of a device that no server has connected. The decision is one conditional write on the
 *  device's row: without an owner, and at the epoch at which its import ended. A claim and that write exclude
 *  each other, because each is refused after the other. Only a permit lets a server connect, and it raises
 *  the epoch. */
import type { Clock } from '../clock.ts'
import { LOGGED_OUT } from '../protocol/ownership.ts'
import { type DeviceRow, unassignedShard } from '../store/device-row.ts'
import { type Condition, type Store, when } from '../store/store.ts'
import { erase } from './device-requests.ts'
import { deleteAbandonedCredentials } from './import.ts'

const device = when<DeviceRow>()
const UNDONE = 'its import was undone; start it to link it'

/** Why the import of the device cannot be undone; undefined when it can, as far as the row tells. */
export type Kept = 'owned' | 'connected' | 'changed'

/** Judges a row of the batch that was read before. The write checks it again. */
export function whyKept(row: DeviceRow): Kept | undefined {
  if (row.owner) return 'owned'
  // While it is being imported nothing can start it, so no server had it since.
  if (row.importing || row.deleting || isUnlinkedAgain(row)) return undefined
  return row.epoch === row.importEpoch ? undefined : 'connected'
}

/** @param row as it was read, with an `importBatch`
 *  @returns why the device stays, or undefined when its import is undone */
export async function undoImport(
  store: Store,
  clock: Clock,
  row: DeviceRow,
  freshCredentialsId: string,
): Promise<Kept | undefined> {
  const kept = whyKept(row)
  if (kept) return kept
  if (row.importedOver) return unlink(store, clock, row, freshCredentialsId)
  if (!row.deleting) {
    const marked = await store.update(
      'Devices',
      { deviceId: row.deviceId },
      {
        set: {
          desired: 'stopped',
          deleting: true,
          statusReason: 'being deleted',
          // The sweep erases the device if this command does not come to it.
          unassignedShard: unassignedShard(row.deviceId),
          unassignedSince: clock.wallMs(),
          updatedAt: clock.wallMs(),
        },
        when: asJudged(row),
      },
    )
    if (!marked) return whyRefused(store, row)
  }
  await erase(store, row.deviceId)
  return undefined
}

/** The device loses its credentials, and stays registered and stopped as it was before its import. The row
 *  keeps the batch until the items are deleted, so that another undo finishes the work after a crash. */
async function unlink(
  store: Store,
  clock: Clock,
  row: DeviceRow,
  freshCredentialsId: string,
): Promise<Kept | undefined> {
  const { deviceId } = row
  const unlinked = isUnlinkedAgain(row)
    ? row
    : await store.update(
        'Devices',
        { deviceId },
        {
          set: {
            desired: 'stopped',
            status: 'stopped',
            statusReason: UNDONE,
            credentialsId: freshCredentialsId,
            abandonedCredentialsIds: [...(row.abandonedCredentialsIds ?? []), row.credentialsId],
            updatedAt: clock.wallMs(),
          },
          remove: [
            ...LOGGED_OUT.filter((attribute) => attribute !== 'importBatch'),
            'importing',
            'unassignedShard',
            'unassignedSince',
          ],
          when: asJudged(row),
        },
      )
  if (!unlinked) return whyRefused(store, row)
  await deleteAbandonedCredentials(store, unlinked)
  await store.update(
    'Devices',
    { deviceId },
    {
      remove: ['abandonedCredentialsIds', 'importBatch', 'importedOver'],
      when: [device.equals('credentialsId', unlinked.credentialsId), device.absent('importing')],
    },
  )
  return undefined
}

/** A crash came between the two writes of `unlink`. */
function isUnlinkedAgain({ importedOver, importing, importEpoch, abandonedCredentialsIds }: DeviceRow) {
  const isEnded = importing === undefined && importEpoch === undefined
  return importedOver === true && isEnded && abandonedCredentialsIds !== undefined
}

/** The `credentialsId` names one import, so the row is still as this import has left it. */
function asJudged({ epoch, credentialsId, importing }: DeviceRow): Condition<DeviceRow>[] {
  return [
    device.absent('owner'),
    device.absent('deleting'),
    device.equals('epoch', epoch),
    device.equals('credentialsId', credentialsId),
    importing === undefined ? device.equals('importEpoch', epoch) : device.equals('importing', importing),
  ]
}

async function whyRefused(store: Store, { deviceId, credentialsId }: DeviceRow): Promise<Kept | undefined> {
  const row = await store.get('Devices', { deviceId })
  if (!row) return undefined
  if (row.credentialsId !== credentialsId) return 'changed'
  return whyKept(row) ?? 'changed'
}
