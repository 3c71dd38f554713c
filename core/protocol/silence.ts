/** What one observer has seen of the servers' beats, on its own monotonic clock. It trusts no time in any row. */
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
  /** Ms for which this beat of the server has stood unchanged before this observer. */
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

/** More than this share of the active servers silent together means that the store failed, not the servers. */
const BRAKE_SHARE = 0.5
const BRAKE_SERVERS_MIN = 2

export interface Verdict {
  readonly bury: ServerRow[]
  /** Silent long enough, yet spared: so many fell silent together that the brake waits one more lease. */
  readonly deferred: ServerRow[]
  /** Live servers that have missed three beats. */
  readonly quiet: ServerRow[]
  readonly braking: boolean
}

/** A server that has missed three beats counts as quiet. */
export function quietAfterMs({ beatEveryMs, fenceAfterMs }: ProtocolSettings): number {
  return Math.min(3 * beatEveryMs, fenceAfterMs)
}

/** Decides whom to bury, look after look. Servers that missed three beats count as silent for the brake, so that it is on
 *  before the first of them is due: an outage does not silence all of them in the same second. The extra lease counts
 *  from when this observer noticed, since an outage may have kept it from reading, too: an observer that could not look
 *  for three beats itself brakes. The brake stays on for a lease after its cause is over, since a fleet does not come back in
 *  the same second either. */
export function createBurialRule(clock: Clock, watch: Watch, settings: ProtocolSettings) {
  const quietMs = quietAfterMs(settings)
  let lookedAt: Mark | undefined
  let brakeSince: Mark | undefined
  let causeSeenAt: Mark | undefined

  return (servers: readonly ServerRow[]): Verdict => {
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
