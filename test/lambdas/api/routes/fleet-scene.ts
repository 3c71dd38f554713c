/** The fleet that the routes for the fleet and for its servers describe. */
import { beat, buryExited } from '../../../../core/protocol/membership.ts'
import { anActiveServer, ownedDevices, type Tables, waitingDevices } from '../../../builders/builders.ts'
import { anApi } from '../../events.ts'

/** Two servers with 3 and 1 devices and room for 10 each, 2 devices that wait, and a dead server. */
export async function aFleet(tables: Tables) {
  const api = await anApi(tables)
  const { world } = api
  const one = await anActiveServer(world, 'server-1', { capacity: 10, name: 'web-1' })
  const two = await anActiveServer(world, 'server-2', { capacity: 10, name: 'web-2' })
  await ownedDevices(world, one, 3)
  await ownedDevices(world, two, 1)
  await waitingDevices(world, 2)
  await beat(world.store, world.clock, one.serverId, 3)
  await buryExited(world.store, await anActiveServer(world, 'server-3', { name: 'web-3' }), 'exit code 1')
  return api
}
