/** Carries out the planned faults of servers, network and sweep, and writes each into the record. */
import { type Clock, sleep } from '../../core/clock.ts'
import type { ChaosFleet, ServerProcess } from './fleet.ts'
import type { KeptServer } from './keeper.ts'
import { type Fault, SERVER_FAULTS, SERVERS_ALIVE_MIN, type ServerFault } from './plan.ts'
import { type ChaosRecord, EVERY_SERVER, type Trouble } from './record.ts'
import type { Cut } from './tcp-proxy.ts'

/** After a fault a server counts as back when it has joined, or at the latest after this. */
const RETURN_MS_MAX = 45_000
const LOOK_EVERY_MS = 250

type OfServer = Extract<Fault, { kind: ServerFault }>
type OfFleet = Extract<Fault, { kind: 'sweep stopped' | 'all slow' | 'rolling restart' }>
export type Strike = OfServer | OfFleet

export interface Strikes {
  /** Resolves when the strike is over and the server is back. @returns false when too few servers were left
   *  to strike */
  strike(fault: Strike): Promise<boolean>
  /** Ends every fault under way. */
  calm(): void
}

export function isStrike(fault: Fault): fault is Strike {
  return isOfServer(fault) || ['sweep stopped', 'all slow', 'rolling restart'].includes(fault.kind)
}

export function createStrikes(
  fleet: ChaosFleet,
  servers: readonly KeptServer[],
  record: ChaosRecord,
  clock: Clock,
): Strikes {
  const struck = new Set<KeptServer>()
  const over = new AbortController()
  const lasting = (ms: number) => sleep(clock, ms, over.signal)

  /** The server that the plan names, or the next server that is not struck yet. */
  function victim(planned: number): KeptServer | undefined {
    const well = servers.filter((server) => !struck.has(server) && server.process()?.hasExited() === false)
    if (well.length <= SERVERS_ALIVE_MIN) return undefined
    return well.find((server) => servers.indexOf(server) >= planned) ?? well[0]
  }

  async function returned(server: KeptServer): Promise<void> {
    const begun = clock.mark()
    while (!over.signal.aborted && clock.elapsedMs(begun) < RETURN_MS_MAX) {
      if (await server.hasJoined().catch(() => false)) return
      await lasting(LOOK_EVERY_MS)
    }
  }

  async function strikeServer(fault: OfServer): Promise<boolean> {
    const server = victim(fault.server)
    const process = server?.process()
    if (!server || !process) return false
    struck.add(server)
    record.tell(`${server.name} ${inWords(fault)}`)
    await HANDS[fault.kind](server, process, fault)
    if (fault.lastsMs > 0) record.tell(`${server.name} is left alone again`)
    await returned(server)
    struck.delete(server)
    return true
  }

  const freeze: Hand = async ({ name }, process, { lastsMs }) => {
    process.signal('SIGSTOP')
    record.begin(name, 'frozen')
    await lasting(lastsMs)
    record.end(name, 'frozen')
    process.signal('SIGCONT')
  }
  const cutOff =
    (what: Trouble, direction: Cut): Hand =>
    async ({ name, database }, _, { lastsMs }) => {
      record.begin(name, what)
      database.cut(direction)
      await lasting(lastsMs)
      database.mend()
      record.end(name, what)
    }
  const HANDS: Record<ServerFault, Hand> = {
    async killed({ name }, process) {
      record.asked(name)
      process.signal('SIGKILL')
    },
    frozen: freeze,
    'requests lost': cutOff('requests lost', 'requests'),
    'answers lost': cutOff('answers lost', 'answers'),
    'database cut': cutOff('database cut', 'both'),
    async unreachable({ name, database, whatsApp }, _, { lastsMs }) {
      record.begin(name, 'unreachable')
      for (const network of [database, whatsApp]) network.cut()
      await lasting(lastsMs)
      for (const network of [whatsApp, database]) network.mend()
      record.end(name, 'unreachable')
    },
    async slow({ name, database }, _, { lastsMs, delayMs }) {
      record.begin(name, 'slow')
      database.slow(delayMs)
      await lasting(lastsMs)
      database.mend()
      record.end(name, 'slow')
    },
  }

  async function slowDownAll({ lastsMs, delayMs }: Extract<OfFleet, { kind: 'all slow' }>): Promise<void> {
    record.tell(`the database answers everybody ${Math.round(2 * delayMs)} ms late`)
    // Servers with a fault of their own keep it.
    const slowed = servers.filter((server) => !struck.has(server))
    record.begin(EVERY_SERVER, 'slow')
    for (const { database } of slowed) database.slow(delayMs)
    await lasting(lastsMs)
    record.end(EVERY_SERVER, 'slow')
    for (const server of slowed) if (!struck.has(server)) server.database.slow(0)
  }

  async function stopSweep(lastsMs: number): Promise<boolean> {
    if (!fleet.sweeps) return false
    record.tell(`the sweep is stopped for ${inSeconds(lastsMs)}`)
    fleet.sweeps(false)
    await lasting(lastsMs)
    fleet.sweeps(true)
    return true
  }

  async function rollOver(): Promise<void> {
    record.tell('a rolling restart begins')
    for (const server of servers) {
      const process = server.process()
      if (over.signal.aborted || struck.has(server) || !process) continue
      struck.add(server)
      record.tell(`${server.name} is restarted`)
      record.asked(server.name)
      process.signal('SIGTERM')
      await Promise.race([process.exited, lasting(RETURN_MS_MAX)])
      await returned(server)
      struck.delete(server)
    }
    record.tell('the rolling restart is over')
  }

  return {
    async strike(fault) {
      if (isOfServer(fault)) return strikeServer(fault)
      if (fault.kind === 'sweep stopped') return stopSweep(fault.lastsMs)
      if (fault.kind === 'all slow') await slowDownAll(fault)
      else await rollOver()
      return true
    },
    calm: () => over.abort(),
  }
}

type Hand = (server: KeptServer, process: ServerProcess, fault: OfServer) => Promise<void>

function isOfServer(fault: Fault): fault is OfServer {
  return (SERVER_FAULTS as readonly string[]).includes(fault.kind)
}

function inWords({ kind, lastsMs, delayMs }: OfServer): string {
  if (kind === 'killed') return 'is killed'
  const forSeconds = `for ${inSeconds(lastsMs)}`
  if (kind === 'frozen' || kind === 'unreachable') return `is ${kind} ${forSeconds}`
  if (kind === 'slow') return `has a database that is ${Math.round(delayMs)} ms away ${forSeconds}`
  return `is cut off from the database ${forSeconds} (${kind})`
}

function inSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
