/** WhatsApp can forbid a device to log in until a time. It tells this to one server; the row passes the time
 *  on to later owners. */
import { report } from '../../core/protocol/ownership.ts'
import type { DeviceRow, OwnedDevice } from '../../core/store/device-row.ts'
import type { HostWorld } from '../world.ts'

/** Whether the time holds for this server. A refusal because of the client's version holds for that version
 *  alone. */
export function holdsFor(row: DeviceRow | undefined, clientVersion: string | undefined): boolean {
  if (row?.refusedUntil === undefined) return false
  const refused = row.refusal?.clientVersion
  return refused === undefined || refused === clientVersion
}

/** Writes into the row why the new owner does not connect the device, and when it will.
 *  @param row as it was just read
 *  @throws MooringError NOT_OWNER when the device has another owner by now */
export async function sayRefused(world: HostWorld, row: DeviceRow): Promise<void> {
  const { deviceId: device, owner: server, epoch, refusal, refusedUntil } = row as OwnedDevice
  const isTold = row.status === 'disconnected' && row.retryAt === refusedUntil
  if (isTold) return
  await report(
    world.store,
    world.clock,
    { device, server, epoch },
    { set: { status: 'disconnected', statusReason: refusal?.why, retryAt: refusedUntil } },
  )
}
