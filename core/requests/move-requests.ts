/** Asks for the move of a device, and writes it to the log. */
import type { DeviceRow } from '../store/device-row.ts'
import type { World } from '../world.ts'
import { type Move, requestMove } from './device-requests.ts'

/** @returns the row with the request in it; undefined when the request was refused, see `requestMove` */
export async function askToMove(
  { store, clock, telemetry }: Pick<World, 'store' | 'clock' | 'telemetry'>,
  move: Move,
): Promise<DeviceRow | undefined> {
  const asked = await requestMove(store, clock, move)
  const { device: deviceId, from: serverId, why } = move
  if (asked) telemetry.emit('device.move_requested', { deviceId, why, ...(serverId ? { serverId } : {}) })
  return asked
}
