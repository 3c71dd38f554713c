/** A device that has just lost its socket moves for free, when this server has more devices than its part: it would be
 *  without a socket anyway. */

import { mayMove } from '../../core/balance/plan.ts'
import { askToMove } from '../../core/requests/move-requests.ts'
import { takeFromSurplus } from '../../core/requests/server-requests.ts'
import type { DeviceRow } from '../../core/store/device-row.ts'
import type { HostWorld, ServerContext } from '../world.ts'

/** @returns whether its row now asks this server to let it go. Not when the store fails: then it connects again here, unless
 *  the request was written after all, which its permit will find out */
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
