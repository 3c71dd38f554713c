/**
 * The connection machine of one device: permit, connect, hold, and what follows a disconnect. One loop per device, so that
 * a new socket starts only after the old one is closed. hosts/server/server.ts starts it for each device that the server owns and
 * tells it what its row says. It must never open a socket without a permit of its own and a valid lease.
 */
import { type Mark, sleep } from '../../core/clock.ts'
import { isMooringError } from '../../core/errors.ts'
import type { DeviceId } from '../../core/ids.ts'
import { type Permit, permit } from '../../core/protocol/ownership.ts'
import { ALONE_FROM_POINTS, suspectPauseMs } from '../../core/protocol/suspicion.ts'
import { backoffMs } from '../../core/random.ts'
import type { DeviceRow } from '../../core/store/device-row.ts'
import { forDevice, runFor } from '../isolation/attribution.ts'
import type { Probation } from '../isolation/suspect-gate.ts'
import {
  afterDisconnect,
  CONFLICT_WINDOW_MS,
  CONFLICTS_MAX,
  type Disconnect,
  refusedForMs,
  STALLED,
} from '../whatsapp/disconnect.ts'
import type { OutgoingText } from '../whatsapp/socket.ts'
import type { HostWorld, ServerContext } from '../world.ts'
import { type Attempt, beginAttempt, type Ending } from './attempt.ts'
import { createRetries } from './backoff.ts'
import { movesForFree } from './free-move.ts'
import { createPairingLimit } from './pairing-limit.ts'
import { holdsFor, sayRefused } from './refused-login.ts'
import { type ReleaseReason, releaseDevice } from './release.ts'
import { createOutgoing, type OpenWay } from './send.ts'
import type { Closed } from './socket-state.ts'
import { createHealing } from './stall-healing.ts'

/** A socket that stayed open this long was a good one: the next failure backs off from the start again. */
const GOOD_AFTER_MS = 30_000
/** After a conflict the other side gets this long to settle before the ownership is checked again. */
const CONFLICT_PAUSE_MS = 3000
/** WhatsApp refuses the login of a device, as logged out, until it has the last answer of its pairing. That comes on another
 *  connection, so that a login can be there before it: for so long the credentials are not given up. */
const PAIRING_ARRIVES_MS_MAX = 60_000
/** The bound of the waits between tries that WhatsApp refuses by a code, when it seems not to pass. */
const PATIENT_CAP_MS = 1_800_000
/** A longer wait is taken up again: the time of day may be set meanwhile, and a timer has no room for a month. */
const WAIT_MS_MAX = 600_000

export interface DeviceConnection {
  readonly deviceId: DeviceId
  /** Takes in the row as an index listed it; what matters is confirmed by a consistent read. */
  notice(listed: DeviceRow): void
  isConnected(): boolean
  /** Whether its socket is connecting, or a frame came or left within this time. */
  wasActive(withinMs: number): boolean
  /** @throws MooringError DEVICE_NOT_CONNECTED | SEND_QUEUE_FULL | SEND_REFUSED | SEND_UNCONFIRMED */
  send(message: OutgoingText): Promise<void>
  /** The lease is over: cuts the socket before this returns. The machine goes on when the lease is valid again. */
  fence(): void
  /** The server leaves: closes the socket and releases the device. */
  leave(): void
  /** Resolves when the machine has ended and holds nothing; never rejects. */
  readonly ended: Promise<{ readonly released: boolean }>
}

/** What the loop does after one step. */
type Next = { do: 'again'; afterMs: number } | { do: 'let_go'; reason: ReleaseReason } | { do: 'forget' }

/** @param suspicionAtFirst what the deaths of its servers have left against it; see core/protocol/suspicion.ts */
export function keepConnection(
  world: HostWorld,
  context: ServerContext,
  deviceId: DeviceId,
  suspicionAtFirst = 0,
): DeviceConnection {
  const { serverId } = context
  const pairingLimit = createPairingLimit(world.clock, world.pairingTimeoutMs)
  const outgoing = createOutgoing({ ...world, device: deviceId })
  const healing = createHealing(world.clock, world.random)
  let attempt: Attempt | undefined
  let leaving = false
  /** The row asked for it when it was last read. */
  let askedToLetGo = false
  let restartsSeen = 0
  let epochHeld = 0
  let letGoFailures = 0
  let confirming = false
  let unprovenSince: Mark | undefined
  /** By the time of day: WhatsApp lets the device log in no sooner. */
  let refusedUntil = 0
  let suspicion = suspicionAtFirst
  let hasPaused = false
  let probation: Probation | undefined
  /** Aborted to end whatever wait the loop is in; renewed each time round. */
  let nudge = new AbortController()

  const retries = createRetries(world.clock, world.random, context.backoff)
  const backOff = () => again(retries.left())
  const again = (afterMs = 0): Next => ({ do: 'again', afterMs })
  const letGo = (reason: ReleaseReason): Next => ({ do: 'let_go', reason })

  async function run(): Promise<{ released: boolean }> {
    for (;;) {
      const next = await step().catch(failed)
      if (next.do === 'forget') return { released: false }
      if (next.do === 'again') {
        await sleep(world.clock, next.afterMs, nudge.signal)
        nudge = new AbortController()
        continue
      }
      const outcome = await releaseDevice(world, context, deviceId, next.reason, suspicion).catch(
        () => 'failed' as const,
      )
      if (outcome !== 'still_wanted' && outcome !== 'failed') return { released: outcome === 'released' }
      if (outcome === 'failed') await sleep(world.clock, backoffMs(world.random, letGoFailures++, 200, 2000))
      nudge = new AbortController()
    }
  }

  /** Connects once, when nothing stands against it. */
  async function step(): Promise<Next> {
    retries.forget()
    if (leaving) return letGo({ because: 'leaving' })
    if (askedToLetGo) {
      // At once: others wait for this device, and it would only wait for its turn to be refused a permit.
      askedToLetGo = false
      return letGo({ because: 'row' })
    }
    const refusedMs = refusedUntil - world.clock.wallMs()
    if (refusedMs > 0) return again(Math.min(refusedMs, WAIT_MS_MAX))
    if (suspicion < ALONE_FROM_POINTS) return connect()
    probation = await enterProbation(nudge.signal)
    if (!probation) return again()
    return connect().finally(probation.end)
  }

  /** A suspect waits, and connects when no other one of this server does. */
  async function enterProbation(until: AbortSignal): Promise<Probation | undefined> {
    if (!hasPaused) {
      const pauseMs = suspectPauseMs(suspicion)
      world.telemetry.emit('device.suspected', { deviceId, serverId, suspicion, pauseMs })
      await sleep(world.clock, pauseMs * (0.5 + world.random.fraction() / 2), until)
      hasPaused = true
    }
    return context.suspects.enter(until)
  }

  /** Holds the socket until it is closed. */
  async function connect(): Promise<Next> {
    await context.leaseValid(nudge.signal)
    if (leaving || nudge.signal.aborted) return again()
    if (!(await context.limiter.turn(nudge.signal))) return again()
    const begun = world.clock.mark()
    const permitted = await askPermit()
    if ('do' in permitted) return permitted
    restartsSeen = permitted.row.restarts ?? 0
    epochHeld = permitted.epoch
    const told = nudge.signal
    const guidance = {
      mayOpen: () => !leaving && !told.aborted,
      retryAfterMs: (closed: Closed) => retryAfterMs(closed, begun),
      hasOpened(way: OpenWay) {
        outgoing.opened(way)
        probation?.loggedIn()
      },
      // Before its login a socket does nothing for anybody, and the next try backs off as after any failed one.
      mayReplace: () => !attempt?.wasOpen() || healing.mayReplace(),
    }
    attempt = await beginAttempt(world, context, permitted, guidance, pairingLimit)
    if (!attempt) return again()
    const ending = await attempt.ended
    suspicion = attempt.suspicion()
    if (ending.by === 'asked' && attempt.wasOpen()) noteGood(begun)
    attempt = undefined
    return after(ending)
  }

  function noteGood(permittedAt: Mark): void {
    if (world.clock.elapsedMs(permittedAt) > GOOD_AFTER_MS) retries.wentWell()
  }

  /** Planned before the report is written that the socket is closed, so that this one report tells both. */
  function retryAfterMs(
    { code, banMs, opened, conflicts, discards, unproven }: Closed,
    permittedAt: Mark,
  ): number | undefined {
    if (opened) noteGood(permittedAt)
    if (discards) return retries.plan()
    if (code === STALLED && opened) return replaceAtOnce()
    const { next } = whatFollows(code, unproven)
    if (next === 'reconnect_later') return retries.plan()
    if (next === 'reconnect_patiently')
      return retries.plan(retries.drawUpTo(Math.max(PATIENT_CAP_MS, context.backoff.capMs)))
    const refusedMs = refusedForMs(world.random, code, banMs, () => retries.drawUpTo(context.backoff.capMs))
    if (refusedMs !== undefined) return retries.plan(refusedMs)
    return next === 'conflict' && conflicts < CONFLICTS_MAX ? retries.plan(CONFLICT_PAUSE_MS) : undefined
  }

  function replaceAtOnce(): number {
    healing.replaced()
    outgoing.replacing()
    return retries.plan(0)
  }

  function whatFollows(code: number, unproven: boolean): Disconnect {
    const follow = afterDisconnect(code)
    if (follow.next !== 'logged_out' || !unproven) return follow
    unprovenSince ??= world.clock.mark()
    return world.clock.elapsedMs(unprovenSince) < PAIRING_ARRIVES_MS_MAX
      ? { next: 'reconnect_later' }
      : follow
  }

  /** @param over a `refusedUntil` that does not hold for this server's client */
  async function askPermit(over?: number): Promise<Permit | Next> {
    try {
      const granted = await permit(world.store, world.clock, deviceId, serverId, suspicion, over)
      world.telemetry.emit('device.permit_granted', { deviceId, serverId, epoch: granted.epoch })
      return granted
    } catch (error) {
      if (!isMooringError(error)) throw error
      if (error.code === 'NOT_WANTED') return letGo({ because: 'row' })
      if (error.code === 'LOGIN_REFUSED') return refusedPermit(over)
      world.telemetry.emit('device.permit_refused', { deviceId, serverId, why: error.message })
      return { do: 'forget' } as const
    }
  }

  /** An earlier owner was told so, or this server before it was restarted. */
  async function refusedPermit(over: number | undefined): Promise<Permit | Next> {
    const row = await world.store.get('Devices', { deviceId })
    if (row?.owner !== serverId || row.refusedUntil === undefined) return again()
    if (!holdsFor(row, world.clientVersion)) {
      return row.refusedUntil === over ? backOff() : askPermit(row.refusedUntil)
    }
    refusedUntil = row.refusedUntil
    restartsSeen = row.restarts ?? 0
    await sayRefused(world, row)
    return again()
  }

  async function after(ending: Ending): Promise<Next> {
    if (ending.by === 'stale') return { do: 'forget' }
    if (ending.by === 'asked') return again()
    if (ending.by === 'discarded') return backOff()
    if (ending.by === 'unlinked') return letGo({ because: 'stopped', why: pairingLimit.why })
    const { code, why, unproven } = ending
    const follow = whatFollows(code, unproven)
    switch (follow.next) {
      case 'reconnect_now':
        return again()
      case 'conflict':
        return conflict(ending.row)
      case 'logged_out':
        return letGo({ because: 'logged_out', why })
      case 'stop':
        return letGo({ because: 'stopped', why })
      case 'wait_for_ban':
      case 'wait_for_version':
        // Also when the row could not be told.
        refusedUntil = ending.row.refusedUntil ?? world.clock.wallMs() + retries.left()
        return again()
      case 'reconnect_patiently':
      case 'reconnect_later':
        return (await movesForFree(world, context, ending.row)) ? letGo({ because: 'row' }) : backOff()
    }
  }

  /** The last login wins at WhatsApp, so a stale server must never reconnect unchecked: the next step asks for a permit. */
  function conflict(row: DeviceRow): Next {
    world.telemetry.emit('device.conflict', { deviceId, serverId, epoch: row.epoch, code: 440 })
    if ((row.conflicts?.length ?? 0) < CONFLICTS_MAX) return again(retries.left())
    const minutes = CONFLICT_WINDOW_MS / 60_000
    const why = `${CONFLICTS_MAX} conflicts (440) within ${minutes} minutes: a client outside the fleet uses these credentials`
    return letGo({ because: 'conflicted', why })
  }

  function failed(error: unknown): Next {
    world.telemetry.emit('device.failed', { deviceId, serverId, error })
    attempt?.cut()
    attempt = undefined
    return backOff()
  }

  /** A restart is asked for; or a permit that had been given up was applied after all, and this socket cannot report. */
  function hasMovedOn(row: DeviceRow): boolean {
    return (row.restarts ?? 0) > restartsSeen || (attempt !== undefined && row.epoch > epochHeld)
  }

  /** An operator's `start` has taken the time from the row. */
  function isLetIn(row: DeviceRow): boolean {
    return refusedUntil > world.clock.wallMs() && row.refusedUntil !== refusedUntil
  }

  /** An index may lag, so a listed row only says that it is time to look. */
  async function confirm(): Promise<void> {
    const row = await world.store.get('Devices', { deviceId })
    if (row?.owner !== serverId) attempt?.close('stale')
    else if (row.desired === 'stopped' || row.moveTo) {
      askedToLetGo = true
      if (row.logout) await attempt?.logout()
      attempt?.close('asked')
    } else if (hasMovedOn(row)) attempt?.close('asked')
    else attempt?.answerPairingCode(row)
    if (attempt) return
    const isRefused = row?.owner === serverId && holdsFor(row, world.clientVersion)
    refusedUntil = isRefused ? (row.refusedUntil ?? 0) : 0
    if (isRefused) restartsSeen = row.restarts ?? 0
    nudge.abort()
  }

  const me = { deviceId, serverId, fault: (error: unknown) => attempt?.fault(error) }
  return forDevice(me, {
    deviceId,
    ended: runFor(me, run).finally(outgoing.giveUp),
    isConnected: () => attempt?.wasOpen() ?? false,
    wasActive: (withinMs) => attempt?.wasActive(withinMs) ?? false,
    send: outgoing.send,
    notice(listed) {
      const matters =
        listed.owner !== serverId ||
        listed.desired === 'stopped' ||
        listed.moveTo !== undefined ||
        hasMovedOn(listed) ||
        isLetIn(listed) ||
        (attempt?.wantsPairingCode(listed) ?? false)
      if (!matters || confirming) return
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
