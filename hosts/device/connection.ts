/**
 * The connection machine of one device: it asks for a permit, connects, holds the socket, and does what
 * follows its end. Each device has one loop: a new socket starts only after the old one is closed.
 * hosts/server/owned-devices.ts starts it for each device that the server owns, and passes on what the row
 * says. It must never open a socket without a permit of its own and a valid lease.
 */
import { type Mark, sleep } from '../../core/clock.ts'
import type { DeviceId } from '../../core/ids.ts'
import type { Backoff } from '../../core/retry.ts'
import type { DeviceRow } from '../../core/store/device-row.ts'
import { forDevice, runFor } from '../isolation/attribution.ts'
import type { OutgoingText } from '../whatsapp/socket.ts'
import type { HostWorld, ServerContext } from '../world.ts'
import { type AfterRound, afterEnding, again, release, withoutPermit } from './after-round.ts'
import { type Attempt, beginAttempt } from './attempt.ts'
import { createRetries } from './backoff.ts'
import { createFollowUps } from './follow-up.ts'
import { createPairingLimit } from './pairing-limit.ts'
import { createPermits } from './permits.ts'
import { releaseDevice } from './release.ts'
import { createOutgoing, type OpenWay } from './send.ts'
import type { Guidance } from './socket-state.ts'
import { createSuspicion } from './suspicion.ts'

/** A longer wait is taken up again: the time of day may be set meanwhile, and a timer has no room for a
 *  month. */
const WAIT_MS_MAX = 600_000
const RELEASE_BACKOFF: Backoff = { baseMs: 200, capMs: 2000 }

export interface DeviceConnection {
  readonly deviceId: DeviceId
  /** Takes in the row as an index listed it. Anything of importance is confirmed by a consistent read. */
  notice(listed: DeviceRow): void
  isConnected(): boolean
  /** Whether its socket is connecting, or a frame came or left within this time. */
  wasActive(withinMs: number): boolean
  /** @throws MooringError DEVICE_NOT_CONNECTED | SEND_QUEUE_FULL | SEND_REFUSED | SEND_UNCONFIRMED */
  send(message: OutgoingText): Promise<void>
  /** The lease is over: cuts the socket before this returns. The machine goes on when the lease is valid
   *  again. */
  fence(): void
  /** The server leaves: closes the socket and releases the device. */
  leave(): void
  /** Resolves when the machine has ended and holds nothing; never rejects. */
  readonly ended: Promise<{ readonly released: boolean }>
}

/** @param suspicionAtFirst the points that the deaths of earlier servers have left in the row */
export function keepConnection(
  world: HostWorld,
  context: ServerContext,
  deviceId: DeviceId,
  suspicionAtFirst = 0,
): DeviceConnection {
  const { serverId } = context
  const pairingLimit = createPairingLimit(world.clock, world.pairingTimeoutMs)
  const outgoing = createOutgoing({ ...world, device: deviceId })
  const suspicion = createSuspicion(world, context, deviceId, suspicionAtFirst)
  const permits = createPermits(world, serverId, deviceId)
  // core/retry.ts does not fit: after a failed release the next round decides again what is to be done.
  const releases = createRetries(world.random, RELEASE_BACKOFF)
  const followUps = createFollowUps({ ...world, backoff: context.backoff, replacing: outgoing.replacing })
  const me = { world, context, deviceId, permits, whyUnlinked: pairingLimit.why }
  let attempt: Attempt | undefined
  let leaving = false
  /** The row asked for it when it was last read. */
  let askedToRelease = false
  let confirming = false
  /** Aborted to end the wait that the loop is in; renewed for each round. */
  let nudge = new AbortController()

  async function run(): Promise<{ released: boolean }> {
    for (;;) {
      const next = await round().catch(failed)
      if (next.do === 'forget') return { released: false }
      if (next.do === 'again') await sleep(world.clock, next.afterMs, nudge.signal)
      else {
        const outcome = await releaseDevice(world, context, deviceId, next.reason, suspicion.points()).catch(
          () => 'failed' as const,
        )
        if (outcome === 'failed') await sleep(world.clock, releases.draw())
        else if (outcome !== 'still_wanted') return { released: outcome === 'released' }
      }
      nudge = new AbortController()
    }
  }

  /** Connects once, unless the device is to be released or must wait. */
  async function round(): Promise<AfterRound> {
    if (leaving) return release({ because: 'leaving' })
    if (askedToRelease) {
      // At once: another server waits for this device, and a turn to connect would only end in a refused
      // permit.
      askedToRelease = false
      return release({ because: 'row' })
    }
    const refusedMs = permits.refusedForMs()
    if (refusedMs > 0) return again(Math.min(refusedMs, WAIT_MS_MAX))
    if (!suspicion.isSuspect()) return connect()
    const probation = await suspicion.enterProbation(nudge.signal)
    if (!probation) return again()
    return connect().finally(probation.end)
  }

  /** Holds the socket until it is closed. */
  async function connect(): Promise<AfterRound> {
    await context.leaseValid(nudge.signal)
    if (leaving || nudge.signal.aborted) return again()
    if (!(await context.limiter.turn(nudge.signal))) return again()
    const begun = world.clock.mark()
    const permission = await permits.ask(suspicion.points())
    if (permission.is !== 'granted') return withoutPermit(permission, followUps.backOffMs)
    const begin = await beginAttempt(
      world,
      context,
      permission.permit,
      guidanceSince(begun, nudge.signal),
      pairingLimit,
    )
    if ('unopened' in begin) return afterEnding(me, begin.unopened)
    attempt = begin
    const ending = await attempt.ended
    suspicion.socketEnded(attempt.suspicion())
    if (ending.by === 'asked' && attempt.wasOpen()) followUps.noteOpened(begun)
    attempt = undefined
    return afterEnding(me, ending)
  }

  function guidanceSince(begun: Mark, nudged: AbortSignal): Guidance {
    return {
      mayOpen: () => !leaving && !nudged.aborted,
      decide: (closed) => followUps.decide(closed, begun),
      hasOpened(way: OpenWay) {
        outgoing.opened(way)
        suspicion.loggedIn()
      },
      // Before its login a socket does nothing for anybody, and the next try backs off as after any failed
      // one.
      mayReplace: () => !attempt?.wasOpen() || followUps.mayReplace(),
    }
  }

  function failed(error: unknown): AfterRound {
    world.telemetry.emit('device.failed', { deviceId, serverId, error })
    attempt?.cut()
    attempt = undefined
    return again(followUps.backOffMs())
  }

  /** An index may lag, so a listed row only says that it is time to look. */
  async function confirm(): Promise<void> {
    const row = await world.store.get('Devices', { deviceId })
    if (row?.owner !== serverId) attempt?.close('stale')
    else if (row.desired === 'stopped' || row.moveTo) {
      askedToRelease = true
      if (row.logout) await attempt?.logout()
      attempt?.close('asked')
    } else if (permits.isOutdatedBy(row, attempt !== undefined)) attempt?.close('asked')
    else attempt?.answerPairingCode(row)
    if (attempt) return
    permits.takeIn(row)
    nudge.abort()
  }

  function isOfImportance(listed: DeviceRow): boolean {
    return (
      listed.owner !== serverId ||
      listed.desired === 'stopped' ||
      listed.moveTo !== undefined ||
      permits.isOutdatedBy(listed, attempt !== undefined) ||
      permits.isLetInBy(listed) ||
      (attempt?.wantsPairingCode(listed) ?? false)
    )
  }

  const whose = { deviceId, serverId, fault: (error: unknown) => attempt?.fault(error) }
  return forDevice(whose, {
    deviceId,
    ended: runFor(whose, run).finally(outgoing.giveUp),
    isConnected: () => attempt?.wasOpen() ?? false,
    wasActive: (withinMs) => attempt?.wasActive(withinMs) ?? false,
    send: outgoing.send,
    notice(listed) {
      if (!isOfImportance(listed) || confirming) return
      confirming = true
      confirm()
        .catch((error: unknown) => world.telemetry.emit('device.failed', { deviceId, serverId, error }))
        .finally(() => {
          confirming = false
        })
    },
    fence() {
      outgoing.giveUp()
      attempt?.cut()
      nudge.abort()
    },
    leave() {
      leaving = true
      attempt?.close('asked')
      nudge.abort()
    },
  })
}
