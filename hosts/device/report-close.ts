/** Writes into the device's row why its socket closed, or why none was opened. The same report tells the time
 *  of the next try. */
import { isMooringError } from '../../core/errors.ts'
import { suspicionAfterSocket } from '../../core/protocol/suspicion.ts'
import { recordConflict } from '../../core/telemetry/conflicts.ts'
import { type Closing, closeCodeOf, recentConflicts, refusalOf, wordsOf } from '../whatsapp/disconnect.ts'
import type { HostWorld } from '../world.ts'
import type { FollowUp } from './follow-up.ts'
import { type Closed, isRefusedUnproven } from './next-step.ts'
import { failing, hasOpened, type SocketState } from './socket-state.ts'

/** The facts of a close on which the next step depends. */
export function classify(state: SocketState, { code, told }: Closing): Closed {
  const { world, paired, reports } = state
  const opened = hasOpened(state)
  const { pairedAt = Number.POSITIVE_INFINITY, connectedAt = 0, conflicts } = reports.row()
  return {
    code,
    banMs: told?.banMs,
    opened,
    conflicts: code === 440 ? recentConflicts(conflicts, world.clock.wallMs()).length : 0,
    wasNeverAccepted: closeCodeOf(code).follows === 'logged_out' && !paired,
    unproven: paired && !opened && connectedAt < pairedAt,
  }
}

export async function reportClosed(
  state: SocketState,
  closing: Closing,
  closed: Closed,
  followUp: FollowUp,
): Promise<void> {
  const { world, reports } = state
  const { code } = closing
  const now = world.clock.wallMs()
  world.telemetry.emit('device.disconnected', { ...state.facts, code, why: closing.reason })
  const { event } = closeCodeOf(code)
  if (event) world.telemetry.emit(event, { ...state.facts, code, why: wordsOf(closing) })
  const retryAt = retryTime(world, followUp)
  const refused = retryAt === undefined ? undefined : refusedUntil(state, closing, retryAt)
  const why = refused?.refusal.why ?? wordsOf(closing)
  await reports.say({
    set: {
      status: 'disconnected',
      statusReason: isRefusedUnproven(closed) ? `WhatsApp does not know of its pairing yet (${code})` : why,
      retryAt,
      ...refused,
      suspicion: suspicionOf(state),
      ...(closed.opened ? { disconnectedAt: now } : {}),
      ...(code === 440 ? { conflicts: recentConflicts(reports.row().conflicts, now) } : {}),
    },
    remove: ['pairing'],
  })
  if (code === 440) await listConflict(state)
  await reports.history('disconnected', why)
}

async function listConflict(state: SocketState): Promise<void> {
  const { deviceId: device, serverId: server, epoch } = state.facts
  const conflict = { device, server, serverName: state.context.name, epoch }
  await recordConflict(state.world, conflict).catch(failing(state))
}

/** The time that no server may undercut, for the codes with which WhatsApp sets one. */
function refusedUntil({ world }: SocketState, closing: Closing, retryAt: number) {
  const { follows } = closeCodeOf(closing.code)
  if (follows !== 'wait_for_ban' && follows !== 'wait_for_version') return undefined
  const until = follows === 'wait_for_ban' ? new Date(retryAt).toISOString() : undefined
  const refusal = refusalOf(closing.code, wordsOf(closing, until), world.clientVersion)
  return { refusedUntil: retryAt, refusal }
}

/** When the device is tried again, by the time of day: for people. */
function retryTime({ clock }: HostWorld, { wait }: FollowUp): number | undefined {
  return wait && Math.round(clock.wallMs() + wait.ms)
}

export function suspicionOf({ world, permitted, openedAt }: SocketState): number {
  const openMs = openedAt === undefined ? 0 : world.clock.elapsedMs(openedAt)
  return suspicionAfterSocket(permitted.row.suspicion ?? 0, openMs)
}

/** The device is tried again for ever. Fresh credentials never replace those that cannot be read now. */
export async function reportUnreadable(state: SocketState, error: unknown): Promise<FollowUp> {
  const { guidance, reports, world } = state
  const followUp = guidance.decide({
    code: 0,
    opened: false,
    conflicts: 0,
    wasNeverAccepted: false,
    unproven: false,
  })
  await reports.say({
    set: {
      status: 'disconnected',
      statusReason: whyUnreadable(error),
      retryAt: retryTime(world, followUp),
      suspicion: suspicionOf(state),
    },
  })
  return followUp
}

function whyUnreadable(error: unknown): string {
  if (isMooringError(error, 'CREDENTIALS_UNREADABLE'))
    return `its credentials cannot be read: ${error.facts.why ?? error.message}`
  if (isMooringError(error)) return `${error.code}: ${error.message}`
  const why = error instanceof Error ? error.message : String(error)
  return `its credentials cannot be read at the moment: ${why}`
}
