/** How a suspect connects: after a pause, and alone on its server, so that another death of the server has
 *  one cause. See core/protocol/suspicion.ts for how the points come about. */
import { sleep } from '../../core/clock.ts'
import type { DeviceId } from '../../core/ids.ts'
import { ALONE_FROM_POINTS, suspectPauseMs } from '../../core/protocol/suspicion.ts'
import type { Probation } from '../isolation/suspect-gate.ts'
import type { HostWorld, ServerContext } from '../world.ts'

export interface Suspicion {
  /** The points against the device. */
  points(): number
  isSuspect(): boolean
  /** Waits until the device may connect alone. @returns undefined when `until` was aborted before */
  enterProbation(until: AbortSignal): Promise<Probation | undefined>
  /** The device has logged in: its probation ends as soon as it is well. */
  loggedIn(): void
  /** A socket has ended, and its server lives on. */
  socketEnded(points: number): void
}

/** @param atFirst the points that the deaths of earlier servers have left in the row */
export function createSuspicion(
  { clock, random, telemetry }: HostWorld,
  { serverId, suspects }: ServerContext,
  deviceId: DeviceId,
  atFirst: number,
): Suspicion {
  let points = atFirst
  let hasPaused = false
  let probation: Probation | undefined

  return {
    points: () => points,
    isSuspect: () => points >= ALONE_FROM_POINTS,
    async enterProbation(until) {
      if (!hasPaused) {
        const pauseMs = suspectPauseMs(points)
        telemetry.emit('device.suspected', { deviceId, serverId, suspicion: points, pauseMs })
        await sleep(clock, pauseMs * (0.5 + random.fraction() / 2), until)
        hasPaused = true
      }
      probation = await suspects.enter(until)
      return probation
    },
    loggedIn: () => probation?.loggedIn(),
    socketEnded(left) {
      points = left
    },
  }
}
