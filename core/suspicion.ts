/**
 * Which devices the death of a server is held against. A device can crash its server in a way that nobody can attribute, and it
 * would crash the next one, too. So each death is counted, in points, for the devices that may have caused it.
 *
 * 1. A permit writes PROBATION_POINTS beside the epoch, before the socket is opened. A death leaves them in the row.
 * 2. A socket that ends while its server lives has not ended it: its report, or the release, takes the points back. A device
 *    that was well for WELL_AFTER_MS loses what was held against it before, too.
 * 3. A crash counts in full, for the devices that were in probation and those that the dying server named. Any other death
 *    (killed from outside, silent) counts by half, and only in probation: most of them are nobody's fault.
 * 4. A device of ALONE_FROM_POINTS waits, and then connects as the only suspect of its server: the next death strikes no
 *    innocent suspect. Placement gives suspects to different servers.
 * 5. From QUARANTINE_POINTS on it is quarantined: three crashes, or six other deaths, without having been well in between.
 *
 * Pure, and by wall clocks: nothing here decides who owns a device.
 */
import type { DeviceRow } from './device.ts'
import type { ServerRow } from './server.ts'

/** A crash of the server; written in advance by each permit. */
export const PROBATION_POINTS = 2
const OTHER_DEATH_POINTS = 1
export const ALONE_FROM_POINTS = 3
export const QUARANTINE_POINTS = 6
/** A device that made its server crash does so again when it logs in: WhatsApp sends at once what was not acknowledged. */
export const WELL_AFTER_MS = 5000
/** A device that a dying server named is remembered for this long, even when it was well: it may crash a server at each
 *  message of one contact. */
const NAMED_KEPT_MS = 60 * 60_000

/** A server that is gone, with what is known of its end. */
export type Gone = Pick<ServerRow, 'serverId' | 'name'> &
  Partial<Pick<ServerRow, 'beatAt' | 'crashed' | 'suspects'>>

/** The points that a device has after the death of its owner.
 *  @param device its row as the owner left it */
export function suspicionAfterDeath(device: DeviceRow, gone: Gone): number {
  const points = device.suspicion ?? 0
  const { status, connectedAt, pairing } = device
  // Without a socket the row has only what was held against the device before.
  if (status !== 'connecting' && status !== 'pairing' && status !== 'connected') return points
  const { beatAt, crashed, suspects } = gone
  const since = status === 'connected' ? connectedAt : status === 'pairing' ? pairing?.since : undefined
  // Both times are of the server's own clock. The last beat comes before the death: the age is too low rather than too high.
  const aliveMs = since === undefined || beatAt === undefined ? 0 : beatAt - since
  const wasWell = aliveMs >= WELL_AFTER_MS
  if (!crashed) return wasWell ? 0 : Math.max(0, points - PROBATION_POINTS + OTHER_DEATH_POINTS)
  if (suspects?.includes(device.deviceId)) return aliveMs < NAMED_KEPT_MS ? points : PROBATION_POINTS
  if (!wasWell) return points
  return suspects ? 0 : PROBATION_POINTS
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
