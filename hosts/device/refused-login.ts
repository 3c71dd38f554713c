/** A time that WhatsApp has set for a device, as the owners after the one that was told keep to it. */

import { report } from '../../core/protocol/ownership.ts'
import type { DeviceRow, OwnedDevice } from '../../core/store/device-row.ts'
import type { HostWorld } from '../world.ts'

/** Whether the time holds for this server: what was refused for the version of the client is none of another version's. */
export function holdsFor(row: DeviceRow | undefined, clientVersion: string | undefined): boolean {
  if (row?.refusedUntil === undefined) return false
  const refused = row.refusal?.clientVersion
  return refused === undefined || refused === clientVersion
}

/** Tells in the row why its new owner does not connect it, and when it will.
 *  @param row as it was just read
 *  @throws MooringError NOT_OWNER when it has another owner since */
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
