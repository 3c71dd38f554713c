/** The fleet's metrics: how many servers and devices there are, and how full the servers are. */

import { listServers } from '../protocol/membership.ts'
import type { World } from '../world.ts'
import { listWaiting } from './waiting.ts'

/** Counts only active servers: no device can be placed on the others. */
export async function measureFleet(world: World): Promise<void> {
  const active = (await listServers(world.store)).filter((server) => server.state === 'active')
  const sum = (of: 'load' | 'capacity' | 'connected') =>
    active.reduce((total, server) => total + server[of], 0)
  const waiting = await listWaiting(world.store)
  for (const { serverId, name, load, connected, capacity } of active) {
    world.telemetry.emit('server.measured', { serverId, name, load, connected, capacity })
  }
  world.telemetry.emit(
    'sweep.measured',
    { servers: active.length },
    {
      ServersActive: active.length,
      DevicesConnected: sum('connected'),
      DevicesAssigned: sum('load'),
      DevicesUnassigned: waiting.length,
      ...(active.length ? { Utilisation: (100 * sum('load')) / sum('capacity') } : {}),
    },
  )
}
