/** Which servers are silent, and which of them to bury. The observer watches how each beat changes, on its
 *  own monotonic clock, and trusts no time in any row. */
import type { Clock, Mark } from '../clock.ts'
import type { ServerId } from '../ids.ts'
import type { ProtocolSettings } from '../settings.ts'
import { isLive, type ServerRow } from '../store/server-row.ts'

interface Sighting {
  readonly beat: number
  /** When the read that first showed this beat had returned. */
  readonly since: Mark
}

export interface Watch {
  /** Takes in a consistent read of all servers. Call it right after the read has returned. */
  look(servers: readonly ServerRow[]): void
  /** Ms for which this observer has seen this beat of the server unchanged. */
  silentForMs(server: ServerRow): number
}

export function watchBeats(clock: Clock): Watch {
  const sightings = new Map<ServerId, Sighting>()
  return {
    look(servers) {
      const since = clock.mark()
      for (const { serverId, beat } of servers) {
        if (sightings.get(serverId)?.beat !== beat) sightings.set(serverId, { beat, since })
      }
    },
    silentForMs({ serverId, beat }) {
      const seen = sightings.get(serverId)
      return seen?.beat === beat ? clock.elapsedMs(seen.since) : 0
    },
  }
}

/** The brake needs more than this share of the live servers to be quiet together. */
const BRAKE_SHARE = 0.5
/** A single quiet server may well have failed by itself. */
const BRAKE_SERVERS_MIN = 2

export interface BurialVerdict {
  readonly bury: ServerRow[]
  /** Silent for the bury time, and spared by the brake for one more lease. */
  readonly deferred: ServerRow[]
  /** Live servers that have missed three beats. */
  readonly quiet: ServerRow[]
  readonly braking: boolean
}

/** A server that has missed three beats counts as quiet. */
export function quietAfterMs({ beatEveryMs, fenceAfterMs }: ProtocolSettings): number {
  return Math.min(3 * beatEveryMs, fenceAfterMs)
}

/**
 * Decides which servers to bury at each look. If more than half of the servers go quiet together, the store
 * has probably failed, not the servers. The brake then delays every burial by one lease.
 *
 * 1. A server counts as quiet after three missed beats, well before it could be buried. Servers do not all go
 *    quiet in the same second.
 * 2. An observer that could not read for three beats brakes as well: it may have missed the start of an
 *    outage. So the extra lease counts from the look at which this observer noticed.
 * 3. The brake stays on for one lease after the cause is gone, because servers do not all recover in the same
 *    second.
 */
export function createBurialRule(clock: Clock, watch: Watch, settings: ProtocolSettings) {
  const quietMs = quietAfterMs(settings)
  let lookedAt: Mark | undefined
  let brakeSince: Mark | undefined
  let causeSeenAt: Mark | undefined

  return (servers: readonly ServerRow[]): BurialVerdict => {
    const live = servers.filter(isLive)
    const quiet = live.filter((server) => watch.silentForMs(server) >= quietMs)
    const together = quiet.length >= BRAKE_SERVERS_MIN && quiet.length > live.length * BRAKE_SHARE
    const wasBlind = lookedAt !== undefined && clock.elapsedMs(lookedAt) >= quietMs
    lookedAt = clock.mark()
    if (together || wasBlind) {
      causeSeenAt = lookedAt
      brakeSince ??= lookedAt
    } else if (causeSeenAt && clock.elapsedMs(causeSeenAt) >= settings.fenceAfterMs) {
      causeSeenAt = undefined
      brakeSince = undefined
    }
    const due = live.filter((server) => watch.silentForMs(server) >= settings.buryAfterMs)
    const isSpared = (server: ServerRow) =>
      brakeSince !== undefined &&
      (clock.elapsedMs(brakeSince) < settings.fenceAfterMs ||
        watch.silentForMs(server) < settings.buryAfterMs + settings.fenceAfterMs)
    return {
      bury: due.filter((server) => !isSpared(server)),
      deferred: due.filter(isSpared),
      quiet,
      braking: brakeSince !== undefined,
    }
  }
}
