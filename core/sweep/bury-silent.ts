/** Watches the beats for the rule of core/protocol/silence.ts, and buries the servers that it condemns. */

import type { Mark } from '../clock.ts'
import type { ServerId } from '../ids.ts'
import { type BurialVerdict, createBurialRule, quietAfterMs, watchBeats } from '../protocol/silence.ts'
import type { ServerRow } from '../store/server-row.ts'
import type { World } from '../world.ts'
import { buryAndTell } from './bury-and-tell.ts'

export interface BurySilent {
  /** The servers buried by this look, as dead. */
  readonly buried: readonly ServerRow[]
  /** Absent until the sweep has watched for long enough to know which servers are quiet. */
  readonly verdict: BurialVerdict | undefined
}

/** Remembers every server's beat, and for which servers an alarm was raised.
 *  @returns one look; call it right after the servers were read */
export function createSilenceWatch(world: World): (servers: readonly ServerRow[]) => Promise<BurySilent> {
  const { clock, settings, telemetry } = world
  const watch = watchBeats(clock)
  const judge = createBurialRule(clock, watch, settings)
  const alarmed = new Set<ServerId>()
  let watchedSince: Mark | undefined

  const raiseAlarms = ({ deferred }: BurialVerdict) => {
    for (const { serverId, name } of deferred.filter((server) => !alarmed.has(server.serverId))) {
      alarmed.add(serverId)
      const why = 'most servers fell silent together, or this sweep could not look for as long'
      telemetry.emit('server.burial_deferred', { serverId, name, why })
    }
  }

  return async (servers) => {
    watch.look(servers)
    watchedSince ??= clock.mark()
    const knowsSilence = clock.elapsedMs(watchedSince) >= quietAfterMs(settings)
    const verdict = judge(servers)
    raiseAlarms(verdict)
    const buried: ServerRow[] = []
    for (const silent of verdict.bury) {
      if (await buryAndTell(world, silent, { why: 'silent' })) buried.push({ ...silent, state: 'dead' })
    }
    return { buried, verdict: knowsSilence ? verdict : undefined }
  }
}
