/**
 * Which devices get points for the death of a server. A device can crash its server in a way that nobody can
 * attribute, and would then crash the next server as well. So each death is counted, in points, for the
 * devices that may have caused it.
 *
 * 1. A permit writes PROBATION_POINTS beside the epoch, before the socket is opened. If the server dies, they
 *    stay in the row.
 * 2. A socket that ends while its server lives did not kill the server: its report, or the release, takes the
 *    points back. A device that was well for WELL_AFTER_MS loses its earlier points as well.
 * 3. A crash counts in full for the devices that were in probation, and for the devices that the dying server
 *    named. The points of a named device are kept for KEPT_MS, since a device may crash its server at each
 *    message of one contact. If the server named none, each device that had been well starts again with the
 *    points of this one crash. With more points, innocent devices would be quarantined. Any other death
 *    (killed from outside, silent) counts by half, and only in probation, since no device is to blame for
 *    most of them.
 * 4. A device of ALONE_FROM_POINTS waits, and then connects as the only suspect of its server. Placement
 *    gives suspects to different servers. So fewer and fewer innocent devices share the next death.
 * 5. From QUARANTINE_POINTS on a device is quarantined: after three crashes, or six other deaths. When one
 *    death takes several devices that far, it does not tell which is guilty. Then only the one device in
 *    probation is quarantined, or else the only device that got that far. If there is no such device, the
 *    next death has to tell. A quarantine explains this death and the earlier ones that the other devices
 *    have shared with it, so the others lose all points.
 *
 * Pure, and by wall clocks: nothing here decides which server owns a device.
 */

import type { DeviceId } from '../ids.ts'
import type { DeviceRow } from '../store/device-row.ts'
import type { ServerRow } from '../store/server-row.ts'

/** The points of one crash. Each permit writes them in advance. */
export const PROBATION_POINTS = 2
const OTHER_DEATH_POINTS = 1
export const ALONE_FROM_POINTS = 3
export const QUARANTINE_POINTS = 6
/** A device that crashed its server crashes the next one right after its login: WhatsApp sends at once
 *  whatever was not acknowledged. */
export const WELL_AFTER_MS = 5000
/** A socket that was open for longer than this before a crash did not cause the crash before. */
const KEPT_MS = 10 * 60_000

/** A server that is gone, and how it ended. */
export type Gone = Pick<ServerRow, 'serverId' | 'name'> &
  Partial<Pick<ServerRow, 'beatAt' | 'crashed' | 'suspects'>>

/** How long the device's socket was logged in, or could be linked, until the last beat of its server. Both
 *  times are of the server's own clock. The beat comes before the death, so the age is too low rather than
 *  too high.
 *  @returns undefined when the device had no socket */
function aliveMs(
  { status, connectedAt, pairing }: DeviceRow,
  { beatAt }: Pick<Gone, 'beatAt'>,
): number | undefined {
  if (status !== 'connecting' && status !== 'pairing' && status !== 'connected') return undefined
  const since = status === 'connected' ? connectedAt : status === 'pairing' ? pairing?.since : undefined
  return since === undefined || beatAt === undefined ? 0 : beatAt - since
}

/** The points that a device has after the death of its owner.
 *  @param device the row as the owner left it */
export function suspicionAfterDeath(device: DeviceRow, gone: Gone): number {
  const points = device.suspicion ?? 0
  const ageMs = aliveMs(device, gone)
  // Without a socket the row has only the earlier points.
  if (ageMs === undefined) return points
  const before = Math.max(0, points - PROBATION_POINTS)
  const wasWell = ageMs >= WELL_AFTER_MS
  if (!gone.crashed) return wasWell ? 0 : before + OTHER_DEATH_POINTS
  if (!wasWell) return before + PROBATION_POINTS
  if (!gone.suspects) return PROBATION_POINTS
  const kept = ageMs < KEPT_MS ? before : 0
  return gone.suspects.includes(device.deviceId) ? kept + PROBATION_POINTS : kept
}

/** The device of a dead server that is to be quarantined. A device that is wanted stopped gets no server
 *  anyway.
 *  @returns undefined when none has enough points, or when several have and nothing tells them apart */
export function guiltyOne(devices: readonly DeviceRow[], gone: Gone): DeviceId | undefined {
  const reached = devices.filter(
    (device) => device.desired === 'running' && suspicionAfterDeath(device, gone) >= QUARANTINE_POINTS,
  )
  const inProbation = reached.filter((device) => (aliveMs(device, gone) ?? 0) < WELL_AFTER_MS)
  const [only, another] = inProbation.length > 0 ? inProbation : reached
  return another ? undefined : only?.deviceId
}

/** The points of a device whose socket has ended while its server lives on.
 *  @param points of the row, as the permit of this socket wrote them
 *  @param openMs how long the socket was logged in */
export function suspicionAfterSocket(points: number, openMs: number): number {
  return openMs >= WELL_AFTER_MS ? 0 : Math.max(0, points - PROBATION_POINTS)
}

/** Whether earlier deaths still count for a device that lives: its socket has not been well for long enough.
 *  A release now would leave these points in the row. */
export function isUnderSuspicion(device: DeviceRow, nowMs: number): boolean {
  const points = device.suspicion ?? 0
  const openMs = aliveMs(device, { beatAt: nowMs })
  return openMs === undefined ? points > 0 : suspicionAfterSocket(points, openMs) > 0
}

const FIRST_PAUSE_MS = 5000
const PAUSE_MS_MAX = 5 * 60_000

/** How long a server waits before it connects a suspect. Each pause is longer, so that the fleet can
 *  recover in between. */
export function suspectPauseMs(points: number): number {
  if (points < ALONE_FROM_POINTS) return 0
  return Math.min(PAUSE_MS_MAX, FIRST_PAUSE_MS * 2 ** (points - ALONE_FROM_POINTS))
}
