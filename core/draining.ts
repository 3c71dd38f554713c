/** Empties a live server: it gets no more devices, and is asked to let go of those that it has. */
import { notify } from './assign.ts'
import { drain } from './ownership.ts'
import { requestMove } from './requests.ts'
import type { ServerRow } from './server.ts'
import { queryAll } from './store.ts'
import type { World } from './world.ts'

/** May be repeated, for devices that a claim brought after the first time.
 *  @returns how many devices were asked to move */
export async function drainServer(
  world: World,
  { serverId, name }: Pick<ServerRow, 'serverId' | 'name'>,
  why: string,
): Promise<number> {
  await drain(world.store, serverId, why)
  world.telemetry.emit('server.draining', { serverId, name, why })
  const devices = await queryAll(world.store, 'Devices', { index: 'byOwner', partition: serverId })
  let asked = 0
  for (const { deviceId, moveTo } of devices) {
    if (
      moveTo ||
      !(await requestMove(world.store, world.clock, { device: deviceId, from: serverId, to: 'any' }))
    )
      continue
    world.telemetry.emit('device.move_requested', { deviceId, serverId, why })
    asked++
  }
  if (devices.length > 0) await notify(world, serverId)
  return asked
}
