/** `mooring device reassign`: the owner releases the device first, then placement gives it to the named
 *  server. */
import type { DeviceAnswer } from '../lambdas/api/answers/device.ts'
import type { ReassignedDevice } from '../lambdas/api/routes/reassign.ts'
import { tellBegun, type WaitOptions } from './operations.ts'
import { findServer } from './server-by-name.ts'
import { type CliWorld, tell } from './world.ts'

export async function reassignDevice(
  world: CliWorld,
  id: string,
  serverNameOrId: string | undefined,
  options: WaitOptions,
): Promise<void> {
  const { api } = world
  const server = serverNameOrId === undefined ? undefined : await findServer(api, serverNameOrId)
  const wanted = server ? { serverId: server.serverId } : {}
  const answer = await api.post<DeviceAnswer | ReassignedDevice>(`/devices/${id}/reassign`, wanted)
  if ('operation' in answer) return tellBegun(world, answer, answer.operation, options)
  const name = answer.owner?.name ?? answer.owner?.serverId
  tell(world, answer, () => `Device "${id}" is on server "${name}" already.`)
}
