/** Beats, keeps the lease, and raises the fence when the lease ends. */
import { type Clock, sleep, type Timer } from '../../core/clock.ts'
import type { ServerId } from '../../core/ids.ts'
import type { Lease } from '../../core/protocol/lease.ts'
import { beat } from '../../core/protocol/membership.ts'
import type { ServerRow } from '../../core/store/server-row.ts'
import type { HostWorld } from '../world.ts'

/** A beat that got no answer is followed sooner by the next, so that several fit into a lease. */
const RETRY_AFTER_MS = 500
/** Timers stop while a machine sleeps, and the lease goes on: it is looked at this often at least. */
const FENCE_LOOK_MS = 500

export interface HeartbeatEvents {
  connected(): number
  /** Connects that wait for their turn. */
  waiting(): number
  /** A beat was acknowledged; `row` carries the state and the assignmentSeq. */
  acknowledged(row: ServerRow): void
  /** The lease has ended: every socket must be cut before this returns. */
  fenced(): void
  /** A beat was refused: the fleet counts this server as dead, for good. */
  refused(): void
}

/** Beats until `until` is aborted or a beat is refused. Errors of the store never extend the lease. */
export async function keepBeating(
  world: HostWorld,
  me: ServerId,
  lease: Lease,
  events: HeartbeatEvents,
  until: AbortSignal,
): Promise<void> {
  const fence = armFence(world.clock, lease, events.fenced)
  while (!until.aborted) {
    // The lease counts from here, before the request leaves: its write may be applied at any time from now
    // on.
    const sentAt = world.clock.mark()
    try {
      const row = await beat(world.beatStore, world.clock, me, events.connected(), events.waiting())
      if (!row) {
        lease.revoke()
        fence.disarm()
        return events.refused()
      }
      lease.renew(sentAt)
      fence.rearm()
      events.acknowledged(row)
      await sleep(world.clock, world.settings.beatEveryMs - world.clock.elapsedMs(sentAt), until)
    } catch (error) {
      if (until.aborted) break
      world.telemetry.emit('server.beat_failed', { serverId: me, error })
      await sleep(world.clock, RETRY_AFTER_MS, until)
    }
  }
  fence.disarm()
}

/** The fence is a timer, because Node runs due timers before it reads from sockets when a freeze is over. */
function armFence(clock: Clock, lease: Lease, fenced: () => void) {
  let timer: Timer | undefined
  const rearm = () => {
    timer?.cancel()
    const lookAfterMs = Math.min(lease.remainingMs(), FENCE_LOOK_MS)
    timer = clock.startTimer(lookAfterMs, () => (lease.isValid() ? rearm() : fenced()))
  }
  return { rearm, disarm: () => timer?.cancel() }
}
