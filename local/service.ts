/** The servers of the local fleet as one service: so many are desired, and those that end are started again. */
import { type Clock, type Mark, systemClock } from '../core/clock.ts'
import type { LocalService } from './ecs-endpoint.ts'
import type { ServerExit, ServerProcess } from './server-process.ts'

/** A server that does not leave within this after SIGTERM is killed. ECS gives it 120 s. */
const LEAVE_MS_MAX = 20_000
/** A server that cannot start is not started again and again at full speed. */
const START_AGAIN_AFTER_MS = 1000
/** The exit code of a server whose name or URL is taken: it would be refused again. */
const REFUSED = 4

export interface ServicePlan {
  readonly desired: number
  /** Whether servers that end are started again under their name, while so many are desired. */
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
  const running = new Set<ServerProcess>()
  const protectedUntil = new Map<string, { since: Mark; forMs: number }>()
  let { desired } = plan
  let ending = false

  const find = (taskArn: string) => [...running].find((server) => server.taskArn === taskArn)
  const isProtected = ({ taskArn }: ServerProcess) => {
    const protection = protectedUntil.get(taskArn)
    return protection !== undefined && clock.elapsedMs(protection.since) < protection.forMs
  }

  async function add(name: string, start = () => plan.start(name)): Promise<ServerProcess> {
    const server = await start()
    running.add(server)
    void server.exited.then((exit) => ended(server, exit))
    return server
  }

  async function ended(server: ServerProcess, exit: ServerExit): Promise<void> {
    running.delete(server)
    protectedUntil.delete(server.taskArn)
    await plan.exited(server, exit)
    const isWanted = () => plan.restart && !ending && running.size < desired && exit.code !== REFUSED
    if (!isWanted()) return
    await new Promise((resolve) => setTimeout(resolve, START_AGAIN_AFTER_MS))
    if (isWanted()) await add(server.name)
  }

  function stop(server: ServerProcess): void {
    server.signal('SIGTERM')
    const late = setTimeout(() => server.signal('SIGKILL'), LEAVE_MS_MAX)
    void server.exited.then(() => clearTimeout(late))
  }

  function freeName(): string {
    const names = new Set([...running].map((server) => server.name))
    let number = 1
    while (names.has(`server-${number}`)) number++
    return `server-${number}`
  }

  return {
    servers: () => [...running],
    add,
    size: () => ({ desired, running: running.size }),
    async resize(wanted) {
      desired = wanted
      while (!ending && running.size < desired) await add(freeName())
      const tooMany = Math.max(0, running.size - desired)
      for (const server of [...running].filter((one) => !isProtected(one)).slice(0, tooMany)) stop(server)
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
      const servers = [...running]
      for (const server of servers) stop(server)
      await Promise.all(servers.map((server) => server.exited))
    },
  }
}
