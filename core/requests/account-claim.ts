/** Lets one import at a time bring in an account. Two imports may read the same linked device under two ids,
 *  and neither finds the other in the rows that it has read before. A row for the account decides, by one
 *  conditional write: both devices would be two live copies. */
import { type Clock, expiresInSeconds } from '../clock.ts'
import { MooringError } from '../errors.ts'
import type { DeviceId } from '../ids.ts'
import { linkedDeviceKey } from '../linked-device.ts'
import type { DeviceRow } from '../store/device-row.ts'
import { type AccountClaimRow, fleetRowId } from '../store/fleet-row.ts'
import { type Store, when } from '../store/store.ts'

const claimRow = when<AccountClaimRow>()
/** A claim must outlive every import that has read the rows of the fleet before the claim was made. */
const KEPT_SECONDS = 30 * 86_400

export interface AccountClaim {
  readonly jid: string
  readonly device: DeviceId
  readonly importId: string
}

/** Claims the account for an import whose device is begun, so that its row shows whether it still runs. A
 *  claim is void once its import can no longer finish, and its device does not have the account.
 *  @returns the device that brings in the account, or has it: another one than `device` may not finish */
export async function claimAccount(
  store: Store,
  clock: Clock,
  { jid, device, importId }: AccountClaim,
): Promise<DeviceId> {
  const operationId = fleetRowId(`account#${linkedDeviceKey(jid)}`)
  const expiresAt = expiresInSeconds(clock.wallMs(), KEPT_SECONDS)
  const row: AccountClaimRow = { operationId, kind: 'account-claim', deviceId: device, importId, expiresAt }
  if (await store.put('Operations', row, [claimRow.absent('operationId')])) return device
  const held = (await store.get('Operations', { operationId })) as AccountClaimRow | undefined
  // An earlier try of this write may have been applied.
  if (held?.importId === importId) return device
  const holder = held && (await store.get('Devices', { deviceId: held.deviceId }))
  if (holder && holder.deviceId !== device && mayHave(holder, held, jid)) return holder.deviceId
  const asRead = held ? claimRow.equals('importId', held.importId) : claimRow.absent('operationId')
  if (await store.put('Operations', row, [asRead])) return device
  const present = (await store.get('Operations', { operationId })) as AccountClaimRow | undefined
  if (present) return present.importId === importId ? device : present.deviceId
  throw new MooringError('STORE_BUSY', `the account of device "${device}" kept changing hands; try again`)
}

function mayHave(holder: DeviceRow, held: AccountClaimRow, jid: string): boolean {
  if (holder.importing === held.importId) return true
  return holder.account !== undefined && linkedDeviceKey(holder.account.jid) === linkedDeviceKey(jid)
}
