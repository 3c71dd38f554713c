/** The servers of the local fleet as one service of ECS: a number is desired, and servers that end are
 *  started again. A deployment replaces servers one after another: one new server starts beside the old ones,
 *  and the next when an old server has ended. */
import { type Clock, type Mark, systemClock } from '../core/clock.ts'
import type { LocalService } from './ecs-endpoint.ts'
import type { ServerExit, ServerProcess } from './server-process.ts'

/** A server that does not leave within this after SIGTERM is killed. ECS gives it 120 s. */
export const LEAVE_MS_MAX = 20_000
/** Keeps a server that cannot start from being started again and again at full speed. */
const START_AGAIN_AFTER_MS = 1000
/** The exit code of a server whose name or URL is taken: it would be refused again. */
const REFUSED = 4

export interface ServicePlan {
  readonly desired: number
  /** Whether a server that ends is started again under its name, while that many are desired. */
  readonly restart: boolean
  start(name: string): Promise<ServerProcess>
  exited(server: ServerProcess, exit: ServerExit): Promise<void>
}

export interface RunningService extends LocalService {
  servers(): ServerProcess[]
  add(name: string, start?: () => Promise<ServerProcess>): Promise<ServerProcess>
  /** Ends every server; none is started again. */
  end(): Promise<void>
}

export function createService(plan: ServicePlan, clock: Clock = systemClock): RunningService {
  /** Each server with the number of the deployment that started it. */
  const running = new Map<ServerProcess, number>()
  const starting = new Map<Promise<ServerProcess>, string>()
  const protectedUntil = new Map<string, { since: Mark; forMs: number }>()
  let { desired } = plan
  let deployment = 1
  let ending = false

  const servers = () => [...running.keys()]
  const find = (taskArn: string) => servers().find((server) => server.taskArn === taskArn)
  const old = () => servers().filter((server) => running.get(server) !== deployment)
  const ofNewest = () => running.size - old().length + starting.size
  const isProtected = ({ taskArn }: ServerProcess) => {
    const protection = protectedUntil.get(taskArn)
    return protection !== undefined && clock.elapsedMs(protection.since) < protection.forMs
  }

  async function add(name: string, start = () => plan.start(name)): Promise<ServerProcess> {
    const of = deployment
    const begun = start()
    starting.set(begun, name)
    try {
      const server = await begun
      running.set(server, of)
      void server.exited.then((exit) => ended(server, exit))
      // The service ended while the process was being made: the process must not outlive it.
      if (ending) stop(server)
      return server
    } finally {
      starting.delete(begun)
    }
  }

  async function ended(server: ServerProcess, exit: ServerExit): Promise<void> {
    const wasOld = running.get(server) !== deployment
    running.delete(server)
    protectedUntil.delete(server.taskArn)
    await plan.exited(server, exit)
    if (wasOld) return replaceNext()
    const isWanted = () => plan.restart && !ending && running.size < desired && exit.code !== REFUSED
    const replaces = old().length > 0
    if (!replaces && !isWanted()) return
    await new Promise((resolve) => setTimeout(resolve, START_AGAIN_AFTER_MS))
    if (replaces) return replaceNext()
    if (isWanted()) await add(server.name)
  }

  /** Starts one more server of the newest deployment, and never more than one beyond the desired number. */
  async function replaceNext(): Promise<void> {
    const hasRoom = ofNewest() < desired && running.size + starting.size <= desired
    if (!ending && hasRoom) await add(freeName())
  }

  function stop(server: ServerProcess): void {
    server.signal('SIGTERM')
    const late = setTimeout(() => server.signal('SIGKILL'), LEAVE_MS_MAX)
    void server.exited.then(() => clearTimeout(late))
  }

  function freeName(): string {
    const names = new Set([...servers().map((server) => server.name), ...starting.values()])
    let number = 1
    while (names.has(`server-${number}`)) number++
    return `server-${number}`
  }

  return {
    servers,
    add,
    size: () => ({
      desired,
      running: running.size,
      deployments: [`local/${deployment}`, ...new Set(old().map((server) => `local/${running.get(server)}`))],
    }),
    async resize(wanted) {
      desired = wanted
      while (!ending && running.size + starting.size < desired) await add(freeName())
      const tooMany = Math.max(0, running.size - desired)
      for (const server of servers()
        .filter((one) => !isProtected(one))
        .slice(0, tooMany))
        stop(server)
    },
    async redeploy() {
      deployment++
      await replaceNext()
      for (const server of old().filter((one) => !isProtected(one))) stop(server)
    },
    stopTask(taskArn) {
      const server = find(taskArn)
      if (server) stop(server)
      return server !== undefined
    },
    protect(taskArn, minutes) {
      if (!find(taskArn)) return false
      protectedUntil.set(taskArn, { since: clock.mark(), forMs: minutes * 60_000 })
      return true
    },
    async end() {
      ending = true
      for (const server of servers()) stop(server)
      await Promise.allSettled([...starting.keys()])
      await Promise.all(servers().map((server) => server.exited))
    },
  }
}
