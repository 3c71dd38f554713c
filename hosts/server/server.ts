/**
 * One server: joins, beats, holds the devices that it owns, lets go of them when it leaves.
 * hosts/main.ts runs one per process; tests and the simulation run it in their own world. It must never hold a socket outside
 * its lease, and it takes no device that a row does not give to it.
 */
import { type Mark, sleep } from '../../core/clock.ts'
import { isMooringError, MooringError } from '../../core/errors.ts'
import type { DeviceId, ServerId } from '../../core/ids.ts'
import { createLease } from '../../core/protocol/lease.ts'
import { announce, crash, type Joining, leave, setOutDrained } from '../../core/protocol/membership.ts'
import type { Backoff } from '../../core/retry.ts'
import type { DeviceRow } from '../../core/store/device-row.ts'
import type { ServerRow } from '../../core/store/server-row.ts'
import { queryAll } from '../../core/store/store.ts'
import { type DeviceConnection, keepConnection } from '../device/connection.ts'
import { createSuspectGate } from '../isolation/suspect-gate.ts'
import type { OutgoingText } from '../whatsapp/socket.ts'
import type { HostWorld, ServerContext } from '../world.ts'
import { createConnectLimiter } from './connect-limiter.ts'
import { createConnectRate } from './connect-rate.ts'
import { keepBeating } from './heartbeat.ts'
import { join } from './join.ts'
import { releaseEverything } from './leaving.ts'

/** The reserve precedes the claim and the index lags, so devices are listed at every beat for this long after a change. */
const LIST_AGAIN_MS = 10_000
/** Devices are listed this often even when nothing seems to have changed. */
const LIST_ANYWAY_MS = 30_000
/** A device that was let go may stay in the lagging index for a while; its owner is read before it is taken up again. */
const LET_GO_LATELY_MS = 10_000
/** What a device does to its server, it mostly does at once. */
const AT_WORK_MS = 500
/** More than these would not tell the guilty one from the others. */
const SUSPECTS_MAX = 8
/** A stop may take this long; ECS kills the task after 120 s. */
const LEAVE_MS_MAX = 100_000

export interface ServerPlan extends Joining {
  readonly connectsPerSecond: number
  readonly backoff: Backoff
}

export type ServerEnd =
  | { readonly why: 'left' }
  /** The fleet counts it as dead: another start gets a new id. */
  | { readonly why: 'buried' }
  | { readonly why: 'refused'; readonly error: MooringError }

export interface RunningServer {
  readonly serverId: ServerId
  /** The doorbell rang: look now. */
  ring(): void
  /** @throws MooringError DEVICE_NOT_HERE | DEVICE_NOT_CONNECTED | SEND_QUEUE_FULL | SEND_REFUSED | SEND_UNCONFIRMED */
  send(device: DeviceId, message: OutgoingText): Promise<void>
  /** Lets every device go and leaves the fleet. */
  leave(): void
  /** An error that belongs to no device: cuts every socket at once, and says before the process ends which devices the server
   *  was at work for. Resolves when that is written or has failed. */
  crash(why: string): Promise<void>
  health(): { serverId: ServerId; leaseValid: boolean; devices: number; connected: number; leaving: boolean }
  readonly ended: Promise<ServerEnd>
}

export function runServer(world: HostWorld, plan: ServerPlan): RunningServer {
  const { serverId, name } = plan
  const lease = createLease(world.clock, world.settings)
  const connections = new Map<DeviceId, DeviceConnection>()
  const letGoLately = new Map<DeviceId, Mark>()
  const stopBeating = new AbortController()
  const stopJoining = new AbortController()
  const leaseWaiters = new Set<() => void>()
  const leaveAsked = Promise.withResolvers<void>()
  const buried = Promise.withResolvers<ServerEnd>()
  const holdings = { serverId, name, list: listOnce, connections: () => [...connections.values()] }
  let leaving = false
  let settingOut = false
  let isFenced = false
  let seq: number | undefined
  let surplus = 0
  let changedAt: Mark | undefined
  let listedAt: Mark | undefined
  let listing = false
  let listNext = false

  const rate = createConnectRate(plan.connectsPerSecond)
  const context: ServerContext = {
    serverId,
    name,
    lease,
    limiter: createConnectLimiter(world.clock, rate.initial),
    suspects: createSuspectGate(world.clock),
    backoff: plan.backoff,
    takeSurplus: () => surplus-- > 0,
    mayAct() {
      if (lease.isValid()) return true
      fenced()
      return false
    },
    leaseValid: (until) =>
      new Promise((resolve) => {
        if (lease.isValid() || until.aborted) return resolve()
        const wake = () => {
          leaseWaiters.delete(wake)
          until.removeEventListener('abort', wake)
          resolve()
        }
        leaseWaiters.add(wake)
        until.addEventListener('abort', wake)
      }),
  }

  const connectedCount = () =>
    [...connections.values()].filter((connection) => connection.isConnected()).length

  function acknowledged(row: ServerRow): void {
    // The answer can come after the lease that it would have extended: the process was asleep, or leaves.
    if (!lease.isValid()) return
    context.limiter.setRate(rate.told(row))
    surplus = row.state === 'active' ? (row.surplus ?? 0) : 0
    if (isFenced) world.telemetry.emit('server.recovered', { serverId, name })
    isFenced = false
    for (const wake of [...leaseWaiters]) wake()
    if (row.assignmentSeq !== seq) changedAt = world.clock.mark()
    seq = row.assignmentSeq
    const listAgain = changedAt !== undefined && world.clock.elapsedMs(changedAt) < LIST_AGAIN_MS
    const listAnyway = listedAt === undefined || world.clock.elapsedMs(listedAt) >= LIST_ANYWAY_MS
    if (listAgain || listAnyway) list()
    leaveIfDrained(row).catch((error: unknown) => world.telemetry.emit('server.failed', { serverId, error }))
  }

  function cutAll(): void {
    isFenced = true
    for (const connection of connections.values()) connection.fence()
  }

  /** By the fence's timer, or by the first frame that comes or wants to leave when the lease is over. */
  function fenced(): void {
    if (isFenced) return
    cutAll()
    world.telemetry.emit('server.fenced', { serverId, name, devices: connections.size })
  }

  function refused(): void {
    cutAll()
    world.telemetry.emit('server.beat_refused', { serverId, name })
    buried.resolve({ why: 'buried' })
  }

  /** Lists the devices of this server; a call during a listing makes another one follow. */
  function list(): void {
    if (listing) {
      listNext = true
      return
    }
    listing = true
    listOnce()
      .catch((error: unknown) => world.telemetry.emit('server.failed', { serverId, error }))
      .finally(() => {
        listing = false
        if (listNext && lease.isValid()) list()
      })
  }

  async function listOnce(): Promise<void> {
    listNext = false
    const devices = await queryAll(world.store, 'Devices', { index: 'byOwner', partition: serverId })
    listedAt = world.clock.mark()
    for (const [deviceId, at] of letGoLately)
      if (world.clock.elapsedMs(at) >= LET_GO_LATELY_MS) letGoLately.delete(deviceId)
    const listed = new Set(devices.map((device) => device.deviceId))
    for (const device of devices) await takeUp(device)
    for (const [deviceId, connection] of connections) {
      // Not in the list: released by us and gone from the index, or the index lags. The row tells.
      if (listed.has(deviceId)) continue
      const row = await world.store.get('Devices', { deviceId })
      if (row) connection.notice(row)
    }
  }

  async function takeUp(listed: DeviceRow): Promise<void> {
    const { deviceId } = listed
    const holding = connections.get(deviceId)
    if (holding) return holding.notice(listed)
    let row: DeviceRow | undefined = listed
    if (letGoLately.has(deviceId)) {
      row = await world.store.get('Devices', { deviceId })
      if (row?.owner !== serverId || connections.has(deviceId)) return
    }
    const connection = keepConnection(world, context, deviceId, row.suspicion)
    connections.set(deviceId, connection)
    if (leaving) connection.leave()
    void connection.ended.then(() => {
      connections.delete(deviceId)
      letGoLately.set(deviceId, world.clock.mark())
    })
  }

  /** Drained, and wanted gone when it is empty: it leaves by itself, unless the drain is called off before. */
  async function leaveIfDrained({ state, thenLeave, load }: ServerRow): Promise<void> {
    const isDrained = state === 'draining' && thenLeave === true && load === 0 && connections.size === 0
    if (!isDrained || leaving || settingOut) return
    settingOut = true
    try {
      const { rows } = await world.store.query('Devices', { index: 'byOwner', partition: serverId, limit: 1 })
      if (rows.length === 0 && (await setOutDrained(world.store, serverId))) startLeaving()
    } finally {
      settingOut = false
    }
  }

  function startLeaving(): void {
    leaving = true
    stopJoining.abort()
    leaveAsked.resolve()
  }

  async function run(): Promise<ServerEnd> {
    await announce(world.store, world.clock, plan)
    world.telemetry.emit('server.joining', { serverId, name, url: plan.url })
    const { waiting } = context.limiter
    const events = { connected: connectedCount, waiting, acknowledged, fenced, refused }
    const beating = keepBeating(world, serverId, lease, events, stopBeating.signal)
    const end = await Promise.race([live(), buried.promise])
    stopJoining.abort()
    // Nothing connects from here on: once the row says `stopped` others may own the devices, and nobody keeps the fence.
    lease.revoke()
    cutAll()
    stopBeating.abort()
    if (end.why !== 'buried') await leave(world.store, plan).catch(() => undefined)
    await beating
    world.telemetry.emit('server.left', { serverId, name, why: end.why })
    return end
  }

  async function live(): Promise<ServerEnd> {
    try {
      if (!(await join(world, plan, stopJoining.signal))) return { why: 'left' }
    } catch (error) {
      if (!isMooringError(error)) throw error
      world.telemetry.emit('server.name_taken', { serverId, name, code: error.code, why: error.message })
      return { why: 'refused', error }
    }
    world.telemetry.emit('server.joined', { serverId, name, url: plan.url, capacity: plan.capacity })
    await leaveAsked.promise
    const limit = new AbortController()
    await Promise.race([
      releaseEverything(world, holdings).catch(leavingFailed),
      sleep(world.clock, LEAVE_MS_MAX, limit.signal),
    ])
    limit.abort()
    return { why: 'left' }
  }

  /** The devices that may have caused what just happened; undefined when there are so many that it tells nothing. */
  function atWork(): DeviceId[] | undefined {
    const active = [...connections.values()].filter((connection) => connection.wasActive(AT_WORK_MS))
    return active.length > SUSPECTS_MAX ? undefined : active.map(({ deviceId }) => deviceId)
  }

  function leavingFailed(error: unknown): void {
    world.telemetry.emit('server.failed', {
      serverId,
      error,
      why: 'devices that were not let go will be evicted',
    })
  }

  return {
    serverId,
    ring() {
      changedAt = world.clock.mark()
      if (lease.isValid()) list()
    },
    leave: startLeaving,
    async crash(why) {
      const suspects = atWork()
      lease.revoke()
      cutAll()
      stopBeating.abort()
      await crash(world.store, plan, why, suspects).catch(() => undefined)
    },
    async send(device, message) {
      const connection = connections.get(device)
      if (connection) return connection.send(message)
      throw new MooringError(
        'DEVICE_NOT_HERE',
        `server "${name}" does not hold device ${device}: GET /devices/${device} tells which one does`,
      )
    },
    health: () => ({
      serverId,
      leaseValid: lease.isValid(),
      devices: connections.size,
      connected: connectedCount(),
      leaving,
    }),
    ended: run(),
  }
}
