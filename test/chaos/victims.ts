/** Servers that are struck one after another: each holds all devices, and the next server waits to take
 *  over. */
import type { TestFleet } from '../fleet/fleet-under-test.ts'
import type { Victim } from './frozen-login.ts'
import { startProxy, type TcpProxy } from './tcp-proxy.ts'

export interface Victims {
  /** Starts another server. @returns the server that has the devices: the newest one before */
  next(): Promise<Victim>
  close(closeFleet: () => Promise<void>): Promise<void>
}

export function startVictims(fleet: TestFleet): Victims {
  const proxies: TcpProxy[] = []
  let newest: Victim | undefined
  let started = 0

  async function start(): Promise<Victim> {
    started += 1
    const whatsApp = await startProxy(fleet.simulator.url)
    proxies.push(whatsApp)
    const name = `server-${started}`
    const process = await fleet.startServer(name, { variables: { WHATSAPP_URL: whatsApp.endpoint } })
    await fleet.untilActive(name)
    return { process, whatsApp }
  }

  return {
    async next() {
      const holding = newest
      newest = await start()
      return holding ?? newest
    },
    async close(closeFleet) {
      for (const server of fleet.servers()) server.signal('SIGCONT')
      await closeFleet()
      for (const proxy of proxies) await proxy.close()
    },
  }
}
