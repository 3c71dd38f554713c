/**
 * The steps of a rolling restart. The service brings the replacements by a new deployment. The old
 * servers are drained one after another, each into a replacement, so every device moves only once. An old
 * server is stopped when it is empty and its devices are connected again.
 */

import { listServers } from '../protocol/membership.ts'
import { setThenLeave } from '../requests/server-requests.ts'
import type { ServiceControl } from '../service.ts'
import type { Deployment, OperationState, Restart, RestartStep } from '../store/operation-row.ts'
import { asServer, isLive, type ServerRow } from '../store/server-row.ts'
import type { World } from '../world.ts'
import { beginDrain } from './drain-requests.ts'
import { drainId, readOperation, saveOperation } from './operations.ts'
import { chooseReplacement, newServers } from './replacement.ts'
import { stepsFor } from './restart-requests.ts'
import { currentStep, progress, stoppedAsAsked } from './restart-words.ts'

/** The service may take this long to be steady, to take the deployment, and to bring one replacement. */
const REPLACEMENT_MS_MAX = 10 * 60_000
/** The longest drain: a full server whose devices connect slowly. */
const DRAIN_MS_MAX = 2 * 3_600_000
const STOP_MS_MAX = 5 * 60_000
/** A request to the service that shows no effect is made again after this. */
const ASK_AGAIN_AFTER_MS = 30_000
const PROTECTED_MINUTES = 24 * 60
const PROTECT_AGAIN_BEFORE_MS = 12 * 3_600_000

const BY_HAND =
  'restart each server by hand under its own SERVER_NAME, one after another: it gets its devices back. Wait until ' +
  'GET /servers shows it active and GET /fleet its devices connected before the next'
const LOOK_AT_ECS = 'look at the events of the service in ECS, and at the log of the new servers'
const GOES_ON = 'POST /fleet/restart goes on with the servers that are left'

type Change = Partial<Restart> | undefined

/** The view of a step: the restart, and the live servers as they were read after it. */
interface Look {
  readonly world: World
  readonly service: ServiceControl
  readonly restart: Restart
  readonly servers: readonly ServerRow[]
}

export async function stepRestart(
  world: World,
  servers: readonly ServerRow[],
  restart: Restart,
): Promise<Change> {
  const { service } = world
  if (!service) return ended('refused', `no service is known that runs the servers: ${BY_HAND}`)
  const look: Look = { world, service, restart, servers: servers.filter(isLive) }
  const { deployment, steps } = restart
  const step = currentStep(restart)
  if (deployment && !step) return ended('done', `all ${steps.length} servers were replaced, or have ended`)
  const isUnderWay = step?.phase === 'draining' || step?.phase === 'stopping'
  if (restart.stopAskedBy !== undefined && !isUnderWay) return ended('cancelled', stoppedAsAsked(restart))
  if (!deployment || (restart.takesUp && (await isDeploymentOver(look)))) return plan(look)
  if (restart.takesUp) return told(restart, { takesUp: false })
  if (!deployment.taken) return untilTaken(look, deployment)
  if (nowMs(look) >= deployment.protectedUntil - PROTECT_AGAIN_BEFORE_MS)
    return protectAgain(look, deployment)
  return step && advance(look, step)
}

/** Done by the sweep that has saved the step. Each act may be repeated: when it shows no effect, a later step
 *  asks for it again. */
export async function actOnRestart(world: World, saved: Restart): Promise<void> {
  const { service } = world
  const step = currentStep(saved)
  if (!service || saved.state !== 'running' || !saved.deployment || !step) return
  if (!saved.deployment.taken) return deploy(world, service, saved)
  const { serverId, replacedBy, replacedByName } = step
  const server = asServer(await world.store.get('Servers', { serverId }))
  if (!server || !isLive(server)) return
  if (step.phase === 'draining') {
    const why = `restarted: its devices go to server "${replacedByName}"`
    await beginDrain(world, server, { askedBy: saved.askedBy, to: replacedBy, why })
  }
  if (step.phase === 'stopping' && server.taskArn) {
    const why = `server "${step.name}" was replaced by server "${replacedByName}"`
    if (await world.tasks.stopTask(server.taskArn, why)) return
    // The last resort, when the task could not be stopped: a process that ends by itself can be taken for a
    // failure.
    await setThenLeave(world.store, serverId, true)
  }
}

/** Whether the earlier restart's deployment is over: ECS has rolled it back, or has finished it. */
async function isDeploymentOver({ service }: Look): Promise<boolean> {
  return (await service.size()).steady
}

/** Lists the steps again, or a server that has joined since the operator asked would be left out. */
async function plan(look: Look): Promise<Change> {
  const { service, restart, servers } = look
  const byHand = servers.filter(({ taskArn }) => taskArn === undefined).map(({ name }) => `server "${name}"`)
  if (byHand.length > 0) {
    return ended('refused', `no task of the service runs ${byHand.join(', ')}: ${BY_HAND}`)
  }
  if (isOver(look, restart.startedAt, REPLACEMENT_MS_MAX)) {
    return ended('refused', `another deployment is under way, or tasks do not start: ${LOOK_AT_ECS}`)
  }
  const { steady, deployment: before } = await service.size()
  if (!steady) return say(restart, 'waits until no other deployment is under way and every task runs')
  const protectedUntil = nowMs(look) + PROTECTED_MINUTES * 60_000
  return {
    steps: stepsFor(servers),
    takesUp: false,
    deployment: { before, askedAt: nowMs(look), taken: false, protectedUntil },
    why: 'the service is asked for new servers',
  }
}

async function deploy(world: World, service: ServiceControl, saved: Restart): Promise<void> {
  const old = new Set(saved.steps.map(({ serverId }) => serverId))
  const servers = (await listServers(world.store)).filter(({ serverId }) => old.has(serverId))
  // Protect first: the service stops unprotected tasks as soon as the new tasks run.
  if (await service.protect(tasksOf(servers), PROTECTED_MINUTES)) return service.redeploy()
  const why = `the service could not protect the old servers: ${LOOK_AT_ECS}`
  const refused = await saveOperation<Restart>(world.store, world.clock, saved, ended('refused', why))
  const { operationId, kind } = saved
  if (refused) world.telemetry.emit('operation.ended', { operationId, kind, state: 'refused', why })
}

async function untilTaken(look: Look, deployment: Deployment): Promise<Change> {
  const { service, restart } = look
  if (isOver(look, restart.startedAt, 2 * REPLACEMENT_MS_MAX)) {
    return ended('timed_out', `the service did not begin a deployment: ${LOOK_AT_ECS}`)
  }
  const { deployment: newest } = await service.size()
  if (newest !== deployment.before) return told(restart, { deployment: { ...deployment, taken: true } })
  if (!isOver(look, deployment.askedAt, ASK_AGAIN_AFTER_MS)) return undefined
  return { deployment: { ...deployment, askedAt: nowMs(look) } }
}

async function protectAgain(look: Look, deployment: Deployment): Promise<Change> {
  const old = new Set(look.restart.steps.map(({ serverId }) => serverId))
  const tasks = tasksOf(look.servers.filter(({ serverId }) => old.has(serverId)))
  // A task that has ended in the meantime cannot be protected, and need not be.
  await look.service.protect(tasks, PROTECTED_MINUTES)
  return { deployment: { ...deployment, protectedUntil: nowMs(look) + PROTECTED_MINUTES * 60_000 } }
}

async function advance(look: Look, step: RestartStep): Promise<Change> {
  const server = look.servers.find(({ serverId }) => serverId === step.serverId)
  if (!server) return change(look, step, { phase: 'done' })
  if (step.since === undefined) return change(look, step, {})
  switch (step.phase) {
    case 'waiting':
      return replace(look, step, step.since, server)
    case 'draining':
      return empty(look, step, step.since, server)
    default:
      return stop(look, step, step.since, server)
  }
}

async function replace(look: Look, step: RestartStep, since: number, server: ServerRow): Promise<Change> {
  const { restart, servers } = look
  // A joining server has nothing to drain yet.
  const free = server.state === 'joining' ? undefined : chooseReplacement(restart, servers, server, false)
  if (!free && isOver(look, since, REPLACEMENT_MS_MAX)) {
    const devices = `the ${server.load} devices of server "${step.name}"`
    const what = `no replacement with room for ${devices} came within 10 minutes`
    return ended('timed_out', `${what}: ${LOOK_AT_ECS}. ${GOES_ON}`)
  }
  const found = free ?? (await sharedReplacement(look, server))
  if (!found) return undefined
  return change(look, step, { phase: 'draining', replacedBy: found.serverId, replacedByName: found.name })
}

/** With more old servers than the service wants, it brings too few replacements, so some are used twice. */
async function sharedReplacement(look: Look, leaving: ServerRow): Promise<ServerRow | undefined> {
  const { service, restart, servers } = look
  const come = newServers(restart, servers).length
  if (come === 0 || leaving.state === 'joining') return undefined
  const { desired } = await service.size()
  return come >= desired ? chooseReplacement(restart, servers, leaving, true) : undefined
}

async function empty(look: Look, step: RestartStep, since: number, server: ServerRow): Promise<Change> {
  const drain = await readOperation(look.world.store, drainId(server.serverId))
  // The server leaves by itself, and releases all its devices.
  if (server.leaving) return undefined
  if (drain?.state === 'running') {
    if (!isOver(look, since, DRAIN_MS_MAX)) return undefined
    return ended(
      'timed_out',
      `server "${step.name}" still has devices after 2 hours: ${drain.why}. ${GOES_ON}`,
    )
  }
  const isOurs = drain !== undefined && drain.startedAt >= since
  if (isOurs && drain.state !== 'done')
    return ended(drain.state, `server "${step.name}" was not emptied: ${drain.why}`)
  if (isOurs && server.state === 'draining' && server.load === 0) {
    return change(look, step, { phase: 'stopping', stopAskedAt: nowMs(look) })
  }
  // The drain has not begun yet, or has ended and a late claim brought another device: `actOnRestart` begins
  // a drain.
  return {}
}

function stop(look: Look, step: RestartStep, since: number, server: ServerRow): Change {
  if (isOver(look, since, STOP_MS_MAX)) {
    const what = `server "${step.name}" is empty and its task ${server.taskArn} does not stop`
    return ended('timed_out', `${what}: stop it by hand. ${GOES_ON}`)
  }
  if (!isOver(look, step.stopAskedAt ?? since, ASK_AGAIN_AFTER_MS)) return undefined
  return { steps: withStep(look.restart, step, { stopAskedAt: nowMs(look) }) }
}

/** A phase begins. */
function change(look: Look, step: RestartStep, to: Partial<RestartStep>): Partial<Restart> {
  return told(look.restart, { steps: withStep(look.restart, step, { ...to, since: nowMs(look) }) })
}

function withStep(restart: Restart, step: RestartStep, to: Partial<RestartStep>): Restart['steps'] {
  return restart.steps.map((one) => (one.serverId === step.serverId ? { ...one, ...to } : one))
}

function told(restart: Restart, to: Partial<Restart>): Partial<Restart> {
  return { ...to, why: progress({ ...restart, ...to }) }
}

function say(restart: Restart, why: string): Change {
  return restart.why === why ? undefined : { why }
}

function ended(state: Exclude<OperationState, 'running'>, why: string): Partial<Restart> {
  return { state, why }
}

function tasksOf(servers: readonly ServerRow[]): string[] {
  return servers.filter(isLive).flatMap(({ taskArn }) => taskArn ?? [])
}

function nowMs({ world }: Look): number {
  return world.clock.wallMs()
}

/** By the wall clock: this ends an operator's wait, and decides nothing about ownership. */
function isOver(look: Look, since: number, limitMs: number): boolean {
  return nowMs(look) - since >= limitMs
}
