/** Keeps a server of each name running, as ECS does: a process that ends is started again. Each server has
 *  its own network, which outlives its processes. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Undo } from '../../local/demo/undo.ts'
import { LEAVE_MS_MAX } from '../../local/service.ts'
import type { ChaosFleet, ServerProcess } from './fleet.ts'
import type { ChaosRecord } from './record.ts'
import { startProxy, type TcpProxy } from './tcp-proxy.ts'

const START_AGAIN_AFTER_MS = 1000

export interface KeptServer {
  readonly name: string
  readonly database: TcpProxy
  readonly whatsApp: TcpProxy
  /** The newest process. It may have ended. */
  process(): ServerProcess | undefined
  /** Whether its newest process takes part in the fleet. */
  hasJoined(): Promise<boolean>
}

export async function keepServers(
  fleet: ChaosFleet,
  names: readonly string[],
  record: ChaosRecord,
  undo: Undo,
): Promise<KeptServer[]> {
  const ends: (() => Promise<void>)[] = []
  // All servers end at once: a server that left alone would hand its devices to servers that leave next.
  undo.add(async () => void (await Promise.all(ends.map((end) => end()))))
  return Promise.all(names.map((name) => keepServer(fleet, name, record, (end) => ends.push(end))))
}

async function keepServer(
  fleet: ChaosFleet,
  name: string,
  record: ChaosRecord,
  atEnd: (end: () => Promise<void>) => void,
): Promise<KeptServer> {
  const [database, whatsApp] = await Promise.all([
    startProxy(fleet.databaseEndpoint),
    startProxy(fleet.simulator.url),
  ])
  const network = { databaseEndpoint: database.endpoint, whatsAppUrl: whatsApp.endpoint }
  let process: ServerProcess | undefined
  let ending = false

  async function run(): Promise<void> {
    const started = await fleet.startProcess(name, network)
    process = started
    record.started(name)
    void started.exited.then(async (end) => {
      record.ended(name, { ...end, stopped: started.wasSignalled?.('SIGTERM') === true })
      await sleep(START_AGAIN_AFTER_MS, undefined, { ref: false })
      if (!ending) await run()
    })
  }

  atEnd(async () => {
    ending = true
    for (const proxy of [database, whatsApp]) proxy.mend()
    await end(process)
    await Promise.all([database.close(), whatsApp.close()])
  })
  await run()
  return {
    name,
    database,
    whatsApp,
    process: () => process,
    hasJoined: async () =>
      process !== undefined && !process.hasExited() && (await fleet.hasJoined(name, process)),
  }
}

/** A frozen process hears SIGKILL alone, so it is woken first. */
async function end(process: ServerProcess | undefined): Promise<void> {
  if (!process || process.hasExited()) return
  process.signal('SIGCONT')
  process.signal('SIGTERM')
  const late = setTimeout(() => process.signal('SIGKILL'), LEAVE_MS_MAX)
  await process.exited
  clearTimeout(late)
}
