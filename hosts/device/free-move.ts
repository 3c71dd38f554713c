/** Moves a device of the surplus when it has just lost its socket: the move costs it nothing, since it has no
 *  socket anyway. */
import { mayMove } from '../../core/balance/plan.ts'
import { askToMove } from '../../core/requests/move-requests.ts'
import { takeFromSurplus } from '../../core/requests/server-requests.ts'
import type { DeviceRow } from '../../core/store/device-row.ts'
import type { HostWorld, ServerContext } from '../world.ts'

/** @returns whether the row now asks this server to release the device. False when the store fails: the
 *  device then connects here again. If the move was written nevertheless, the permit for that connect is
 *  refused */
export async function movesForFree(
  world: HostWorld,
  context: ServerContext,
  row: DeviceRow,
): Promise<boolean> {
  const { deviceId } = row
  const { serverId, name } = context
  const isLinked = row.pairedAt !== undefined
  if (!isLinked || !mayMove(row, name, world.clock.wallMs()) || !context.takeSurplus()) return false
  try {
    if (!(await takeFromSurplus(world.store, serverId))) return false
    const why = 'rebalancing: it lost its socket anyway'
    const move = { device: deviceId, from: serverId, to: 'any', why, unlessAsked: true } as const
    return (await askToMove(world, move)) !== undefined
  } catch (error) {
    world.telemetry.emit('device.failed', { deviceId, serverId, error, why: 'it was about to move for free' })
    return false
  }
}
