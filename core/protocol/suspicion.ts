/**
 * Which devices the death of a server is held against. A device can crash its server in a way that nobody can attribute, and it
 * would crash the next one, too. So each death is counted, in points, for the devices that may have caused it.
 *
 * 1. A permit writes PROBATION_POINTS beside the epoch, before the socket is opened. A death leaves them in the row.
 * 2. A socket that ends while its server lives has not ended it: its report, or the release, takes the points back. A device
 *    that was well for WELL_AFTER_MS loses what was held against it before, too.
 * 3. A crash counts in full for the devices that were in probation, and for those that the dying server named; these are
 *    remembered for KEPT_MS, since a device may end its server at each message of one contact. When none was named, each device
 *    that had been well begins anew with the points of this one crash: more would put innocent ones away. Any other death
 *    (killed from outside, silent) counts by half, and only in probation: most of them are nobody's fault.
 * 4. A device of ALONE_FROM_POINTS waits, and then connects as the only suspect of its server. Placement gives suspects to
 *    different servers. So fewer and fewer innocent ones share the next death.
 * 5. From QUARANTINE_POINTS on it is quarantined: three crashes, or six other deaths. When a death takes several devices so far,
 *    it tells nothing apart, and the next one must: only the one device that was in probation, or else the only one. The death
 *    is then explained, and those that the others have shared with it: nothing is held against them any more.
 *
 * Pure, and by wall clocks: nothing here decides who owns a device.
 */

import type { DeviceId } from '../ids.ts'
import type { DeviceRow } from '../store/device-row.ts'
import type { ServerRow } from '../store/server-row.ts'

/** A crash of the server; written in advance by each permit. */
export const PROBATION_POINTS = 2
const OTHER_DEATH_POINTS = 1
export const ALONE_FROM_POINTS = 3
export const QUARANTINE_POINTS = 6
/** A device that made its server crash does so again when it logs in: WhatsApp sends at once what was not acknowledged. */
export const WELL_AFTER_MS = 5000
/** A socket that lived longer than this before a crash is not the one that caused the crash before. */
const KEPT_MS = 10 * 60_000

/** A server that is gone, with what is known of its end. */
export type Gone = Pick<ServerRow, 'serverId' | 'name'> &
  Partial<Pick<ServerRow, 'beatAt' | 'crashed' | 'suspects'>>

/** How long its socket was logged in, or a person could link it, by the last beat of its server; undefined without a socket.
 *  Both times are of the server's own clock. The beat comes before the death: the age is too low rather than too high. */
function aliveMs({ status, connectedAt, pairing }: DeviceRow, { beatAt }: Gone): number | undefined {
  if (status !== 'connecting' && status !== 'pairing' && status !== 'connected') return undefined
  const since = status === 'connected' ? connectedAt : status === 'pairing' ? pairing?.since : undefined
  return since === undefined || beatAt === undefined ? 0 : beatAt - since
}

/** The points that a device has after the death of its owner.
 *  @param device its row as the owner left it */
export function suspicionAfterDeath(device: DeviceRow, gone: Gone): number {
  const points = device.suspicion ?? 0
  const ageMs = aliveMs(device, gone)
  // Without a socket the row has only what was held against the device before.
  if (ageMs === undefined) return points
  const before = Math.max(0, points - PROBATION_POINTS)
  const wasWell = ageMs >= WELL_AFTER_MS
  if (!gone.crashed) return wasWell ? 0 : before + OTHER_DEATH_POINTS
  if (!wasWell) return before + PROBATION_POINTS
  if (!gone.suspects) return PROBATION_POINTS
  const kept = ageMs < KEPT_MS ? before : 0
  return gone.suspects.includes(device.deviceId) ? kept + PROBATION_POINTS : kept
}

/** Which one of the devices of a server that died is to be quarantined; undefined when none is, or nothing tells them apart.
 *  One that is wanted stopped gets no server anyway. */
export function guiltyOne(devices: readonly DeviceRow[], gone: Gone): DeviceId | undefined {
  const reached = devices.filter(
    (device) => device.desired === 'running' && suspicionAfterDeath(device, gone) >= QUARANTINE_POINTS,
  )
  const inProbation = reached.filter((device) => (aliveMs(device, gone) ?? 0) < WELL_AFTER_MS)
  const [only, another] = inProbation.length > 0 ? inProbation : reached
  return another ? undefined : only?.deviceId
}

/** What is held against a device whose socket has ended while its server lives on.
 *  @param points the row's, as the permit of this socket wrote them
 *  @param openMs how long the socket was logged in */
export function suspicionAfterSocket(points: number, openMs: number): number {
  return openMs >= WELL_AFTER_MS ? 0 : Math.max(0, points - PROBATION_POINTS)
}

const FIRST_PAUSE_MS = 5000
const PAUSE_MS_MAX = 5 * 60_000

/** How long a server waits before it connects a suspect: longer and longer, since the fleet has to recover in between. */
export function suspectPauseMs(points: number): number {
  if (points < ALONE_FROM_POINTS) return 0
  return Math.min(PAUSE_MS_MAX, FIRST_PAUSE_MS * 2 ** (points - ALONE_FROM_POINTS))
}
