/** The fleet with Mooring: the same fleet that `npm start` runs, seen through its API. */
import type { DeviceAnswer } from '../../lambdas/api/answers/device.ts'
import type { ServerAnswer } from '../../lambdas/api/routes/servers.ts'
import type { LocalFleet } from '../fleet.ts'
import type { ServerProcess } from '../server-process.ts'
import type { Simulator } from '../whatsapp/simulator.ts'
import { type Api, connectApi } from './api.ts'
import type { ServerView } from './drawing.ts'
import { connectedPerServer, type StagedFleet } from './staged-fleet.ts'

export interface MooringFleet extends StagedFleet {
  readonly api: Api
  /** The devices that were not connected at the last look. */
  notConnected(): DeviceAnswer[]
}

export function stageMooring(fleet: LocalFleet, simulator: Simulator, devices: number): MooringFleet {
  const api = connectApi(fleet.apiUrl, fleet.apiKey)
  const processes = new Map<string, ServerProcess>()
  for (const server of fleet.servers()) processes.set(server.name, server)
  let rows = new Map<string, ServerAnswer>()
  let owned = new Map<string, number>()
  let known: DeviceAnswer[] = []

  async function look(): Promise<void> {
    const [servers, registered] = await Promise.all([api.servers(), api.devices()])
    known = registered
    rows = new Map(servers.map((server) => [server.name, server]))
    const counts = Map.groupBy(registered, ({ owner }) => owner?.serverId ?? '')
    owned = new Map([...counts].map(([serverId, group]) => [serverId, group.length]))
  }

  function viewOf({ name, pid }: ServerProcess, connected: ReadonlyMap<string, number>): ServerView {
    const row = rows.get(name)
    if (!row) return { name, pid, state: 'starting', devices: 0, sockets: 0 }
    const { serverId, state } = row
    return { name, pid, state, devices: owned.get(serverId) ?? 0, sockets: connected.get(serverId) ?? 0 }
  }

  return {
    devices,
    simulator,
    api,
    look,
    notConnected: () => known.filter(({ status }) => status !== 'connected'),
    servers() {
      const connected = connectedPerServer(simulator)
      return [...processes.values()].map((server) => viewOf(server, connected))
    },
    async startServer(name) {
      processes.set(name, await fleet.startServer(name))
    },
    async hasJoined(name) {
      await look()
      return rows.get(name)?.state === 'active'
    },
    signal: (name, signal) => processes.get(name)?.signal(signal),
    hasExited: (name) => processes.get(name)?.hasExited() ?? true,
  }
}
