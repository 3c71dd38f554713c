/** Carries out what a round of the connection machine has led to: a refused permit, or the end of a socket.
 *  The step after a close was decided when the socket closed. */
import type { DeviceId } from '../../core/ids.ts'
import type { DeviceRow } from '../../core/store/device-row.ts'
import { CONFLICT_WINDOW_MS, CONFLICTS_MAX } from '../whatsapp/disconnect.ts'
import type { HostWorld, ServerContext } from '../world.ts'
import type { Ending } from './attempt.ts'
import type { FollowUp } from './follow-up.ts'
import { movesForFree } from './free-move.ts'
import type { Permission, Permits } from './permits.ts'
import type { ReleaseReason } from './release.ts'

/** The loop connects again after a wait, releases the device and ends, or just ends. */
export type AfterRound =
  | { readonly do: 'again'; readonly afterMs: number }
  | { readonly do: 'release'; readonly reason: ReleaseReason }
  /** The device has another owner: there is nothing to release. */
  | { readonly do: 'forget' }

export const again = (afterMs = 0): AfterRound => ({ do: 'again', afterMs })
export const release = (reason: ReleaseReason): AfterRound => ({ do: 'release', reason })
export const FORGET: AfterRound = { do: 'forget' }

const CONFLICT_MINUTES = CONFLICT_WINDOW_MS / 60_000
const WHY_CONFLICTED =
  `${CONFLICTS_MAX} conflicts (440) within ${CONFLICT_MINUTES} minutes: ` +
  'a client outside the fleet uses these credentials'

/** The parts of the connection whose round has ended. */
interface Round {
  readonly world: HostWorld
  readonly context: ServerContext
  readonly deviceId: DeviceId
  readonly permits: Permits
  /** The reason for the operator when nobody has linked the device. */
  readonly whyUnlinked: string
}

/** @param backOffMs draws the wait after a failure */
export function withoutPermit(
  { is }: Exclude<Permission, { is: 'granted' }>,
  backOffMs: () => number,
): AfterRound {
  switch (is) {
    case 'not_wanted':
      return release({ because: 'row' })
    case 'not_owner':
      return FORGET
    case 'later':
      return again()
    case 'failed':
      return again(backOffMs())
  }
}

export async function afterEnding(round: Round, ending: Ending): Promise<AfterRound> {
  const { world, context, deviceId, whyUnlinked } = round
  switch (ending.by) {
    case 'stale':
      return FORGET
    case 'asked':
      return again()
    case 'unlinked':
      return release({ because: 'stopped', why: whyUnlinked })
    case 'unreadable':
      world.telemetry.emit('device.failed', {
        deviceId,
        serverId: context.serverId,
        error: ending.error,
      })
      return again(ending.followUp.wait?.leftMs())
    case 'whatsapp':
      return carryOut(round, ending.followUp, ending.row, ending.why)
  }
}

/** Does what was decided when the socket closed. */
async function carryOut(
  { world, context, deviceId, permits }: Round,
  { step, wait }: FollowUp,
  row: DeviceRow,
  why: string,
): Promise<AfterRound> {
  const { epoch } = row
  const { serverId } = context
  const isConflict = step.do === 'settle_conflict' || (step.do === 'release' && step.because === 'conflicted')
  if (isConflict) world.telemetry.emit('device.conflict', { deviceId, serverId, epoch, code: 440 })
  switch (step.do) {
    case 'reconnect_now':
      return again()
    case 'reconnect':
    case 'replace':
      if (await movesForFree(world, context, row)) return release({ because: 'row' })
      return again(wait?.leftMs())
    case 'settle_conflict':
      return again(wait?.leftMs())
    case 'wait_out_refusal':
      // The report may have failed, and this server keeps to the time anyway.
      permits.refuseUntil(row.refusedUntil ?? world.clock.wallMs() + (wait?.leftMs() ?? 0))
      return again()
    case 'release':
      return release({ because: step.because, why: step.because === 'conflicted' ? WHY_CONFLICTED : why })
  }
}
