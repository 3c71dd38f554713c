/**
 * Runs a server: it joins the fleet, beats, holds the devices that it owns, and releases them when it leaves.
 * hosts/main.ts runs one per process; tests and the simulation run it in their own world. It must never hold
 * a socket outside its lease, and it takes no device that a row does not give to it.
 */
import { sleep } from '../../core/clock.ts'
import { isMooringError, MooringError } from '../../core/errors.ts'
import type { DeviceId, ServerId } from '../../core/ids.ts'
import { createLease } from '../../core/protocol/lease.ts'
import { announce, crash, type Joining, leave, setOutDrained } from '../../core/protocol/membership.ts'
import type { Backoff } from '../../core/retry.ts'
import type { DeviceRow } from '../../core/store/device-row.ts'
import type { ServerRow } from '../../core/store/server-row.ts'
import { type DeviceConnection, keepConnection } from '../device/connection.ts'
import { createSuspectGate } from '../isolation/suspect-gate.ts'
import type { OutgoingText } from '../whatsapp/socket.ts'
import type { HostWorld, ServerContext } from '../world.ts'
import { createConnectLimiter } from './connect-limiter.ts'
import { createConnectRate } from './connect-rate.ts'
import { keepBeating } from './heartbeat.ts'
import { join } from './join.ts'
import { createLeaseGate } from './lease-gate.ts'
import { releaseEverything } from './leaving.ts'
import { createOwnedDevices } from './owned-devices.ts'

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
  /** @throws MooringError DEVICE_NOT_HERE | DEVICE_NOT_CONNECTED | SEND_QUEUE_FULL | SEND_REFUSED |
   *  SEND_UNCONFIRMED */
  send(device: DeviceId, message: OutgoingText): Promise<void>
  /** Releases every device and leaves the fleet. */
  leave(): void
  /** An error that belongs to no device: cuts every socket at once, and writes which devices the server was
   *  at work for. Resolves when that is written or has failed; then the process must end. */
  crash(why: string): Promise<void>
  health(): { serverId: ServerId; leaseValid: boolean; devices: number; connected: number; leaving: boolean }
  readonly ended: Promise<ServerEnd>
}

export function runServer(world: HostWorld, plan: ServerPlan): RunningServer {
  const { serverId, name } = plan
  const { telemetry } = world
  const lease = createLease(world.clock, world.settings)
  const stopBeating = new AbortController()
  const stopJoining = new AbortController()
  const leaveAsked = Promise.withResolvers<void>()
  const buried = Promise.withResolvers<ServerEnd>()
  let leaving = false
  let settingOut = false
  let surplus = 0

  const owned = createOwnedDevices({ world, serverId, hold, mayList: lease.isValid })
  const gate = createLeaseGate({
    lease,
    cut() {
      for (const connection of owned.connections()) connection.fence()
    },
    fenced: () => telemetry.emit('server.fenced', { serverId, name, devices: owned.count() }),
    recovered: () => telemetry.emit('server.recovered', { serverId, name }),
  })
  const rate = createConnectRate(plan.connectsPerSecond)
  const context: ServerContext = {
    serverId,
    name,
    lease,
    limiter: createConnectLimiter(world.clock, rate.initial),
    suspects: createSuspectGate(world.clock),
    backoff: plan.backoff,
    takeSurplus: () => surplus-- > 0,
    mayAct: gate.mayAct,
    leaseValid: gate.leaseValid,
  }

  function hold({ deviceId, suspicion }: DeviceRow): DeviceConnection {
    const connection = keepConnection(world, context, deviceId, suspicion)
    if (leaving) connection.leave()
    return connection
  }

  function acknowledged(row: ServerRow): void {
    // The answer can come after the lease that it would have extended: the process was asleep, or leaves.
    if (!lease.isValid()) return
    context.limiter.setRate(rate.told(row))
    surplus = row.state === 'active' ? (row.surplus ?? 0) : 0
    gate.open()
    owned.acknowledged(row)
    leaveIfDrained(row).catch((error: unknown) => telemetry.emit('server.failed', { serverId, error }))
  }

  function refused(): void {
    gate.cutAll()
    telemetry.emit('server.beat_refused', { serverId, name })
    buried.resolve({ why: 'buried' })
  }

  /** A drained server may be asked to leave when it is empty. The write fails if the drain was called off
   *  before. */
  async function leaveIfDrained({ state, thenLeave, load }: ServerRow): Promise<void> {
    const isDrained = state === 'draining' && thenLeave === true && load === 0 && owned.count() === 0
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
    telemetry.emit('server.joining', { serverId, name, url: plan.url })
    const { waiting } = context.limiter
    const events = { connected: owned.connectedCount, waiting, acknowledged, fenced: gate.fence, refused }
    const beating = keepBeating(world, serverId, lease, events, stopBeating.signal)
    const end = await Promise.race([live(), buried.promise])
    stopJoining.abort()
    // Nothing connects from here on: once the row says `stopped` others may own the devices, and nobody keeps
    // the fence.
    lease.revoke()
    gate.cutAll()
    stopBeating.abort()
    if (end.why !== 'buried') await leave(world.store, plan).catch(() => undefined)
    await beating
    telemetry.emit('server.left', { serverId, name, why: end.why })
    return end
  }

  async function live(): Promise<ServerEnd> {
    try {
      if (!(await join(world, plan, stopJoining.signal))) return { why: 'left' }
    } catch (error) {
      if (!isMooringError(error)) throw error
      telemetry.emit('server.name_taken', { serverId, name, code: error.code, why: error.message })
      return { why: 'refused', error }
    }
    telemetry.emit('server.joined', { serverId, name, url: plan.url, capacity: plan.capacity })
    await leaveAsked.promise
    await releaseInTime()
    return { why: 'left' }
  }

  async function releaseInTime(): Promise<void> {
    const holdings = { serverId, name, list: owned.list, connections: owned.connections }
    const why = 'devices that were not released will be evicted'
    const limit = new AbortController()
    await Promise.race([
      releaseEverything(world, holdings).catch((error: unknown) =>
        telemetry.emit('server.failed', { serverId, error, why }),
      ),
      sleep(world.clock, LEAVE_MS_MAX, limit.signal),
    ])
    limit.abort()
  }

  return {
    serverId,
    ring: owned.ring,
    leave: startLeaving,
    async crash(why) {
      const suspects = owned.atWork()
      lease.revoke()
      gate.cutAll()
      stopBeating.abort()
      await crash(world.store, plan, why, suspects).catch(() => undefined)
    },
    async send(device, message) {
      const connection = owned.get(device)
      if (connection) return connection.send(message)
      throw new MooringError(
        'DEVICE_NOT_HERE',
        `server "${name}" does not hold device "${device}": GET /devices/${device} tells which one does`,
      )
    },
    health: () => ({
      serverId,
      leaseValid: lease.isValid(),
      devices: owned.count(),
      connected: owned.connectedCount(),
      leaving,
    }),
    ended: run(),
  }
}
