/** Imports the devices of a plan, some at the same time, at the pace that is set. */
import type { Mark } from '../../core/clock.ts'
import type { CliWorld } from '../world.ts'
import { inOrder, type Source } from './candidate.ts'
import { carryOut, type ImportWorld, type Outcome } from './carry-out.ts'
import type { Pace, Unconnected } from './pace.ts'
import type { Planned } from './plan.ts'
import type { Progress } from './progress.ts'
import type { ReportFile } from './report-file.ts'

/** How many devices are stored at the same time, each with up to 32 requests. */
const STORED_AT_ONCE = 3
/** This many failures in a row are no chance: the store or the key cannot be reached. */
const FAILURES_MAX = 6
/** After a kill the report is at most this old. */
const SAVED_EVERY_MS = 30_000

export interface Wanted {
  readonly source: Source
  readonly planned: readonly Planned[]
  /** Whether the devices are left stopped. */
  readonly stopped: boolean
}

export interface Around {
  readonly pace: Pace
  readonly progress: Progress
  readonly report: ReportFile
}

export interface Carried {
  /** In the order of the plan. */
  readonly outcomes: readonly Outcome[]
  readonly unconnected: readonly Unconnected[]
  /** How many devices had not connected at the end. */
  readonly waiting: number
  /** Why it ended before the last device. */
  readonly stoppedBecause: string | undefined
  /** What ended it unexpectedly, such as a source that can no longer be read. */
  readonly error?: unknown
}

type World = ImportWorld & Pick<CliWorld, 'stop'>

/** Ends early when a person interrupts it, when its devices do not connect, or when one import after another
 *  fails. */
export async function carryOutAll(
  world: World,
  { source, planned, stopped }: Wanted,
  { pace, progress, report }: Around,
): Promise<Carried> {
  const byFrom = new Map(planned.map((one) => [one.from, one]))
  const total = planned.filter(({ intent }) => intent !== 'skip' && intent !== 'done').length
  const outcomes: Outcome[] = []
  let brought = 0
  let failures = 0
  let savedAt: Mark = world.clock.mark()

  async function* known() {
    for await (const candidate of source.candidates()) {
      if (world.stop.aborted || failures >= FAILURES_MAX) return
      const one = byFrom.get(candidate.from)
      // A candidate that appeared only after the question is left to the next run.
      if (!one) continue
      if (!(await pace.mayBegin())) return
      pace.begin()
      yield { candidate, one }
    }
  }

  const carrying = inOrder(known(), STORED_AT_ONCE, async ({ candidate, one }) => {
    const outcome = await carryOut(world, candidate, one, stopped)
    outcomes.push(outcome)
    pace.ended(outcome)
    failures = outcome.outcome === 'failed' ? failures + 1 : 0
    if (outcome.outcome === 'imported' || outcome.outcome === 'registered') brought += 1
    progress.show(brought, total, 'imported')
    if (world.clock.elapsedMs(savedAt) >= SAVED_EVERY_MS) {
      savedAt = world.clock.mark()
      // A full disk must not end the import. The last save tells it as an error.
      await report
        .save('running', { devices: outcomes })
        .catch((error: Error) => progress.note(error.message))
    }
  })
  const failure = await endOf(carrying, pace)
  progress.end()
  const places = new Map(planned.map(({ from }, place) => [from, place]))
  return {
    outcomes: outcomes.toSorted((one, other) => (places.get(one.from) ?? 0) - (places.get(other.from) ?? 0)),
    unconnected: pace.unconnected(),
    waiting: pace.waiting(),
    stoppedBecause: pace.stoppedBecause(),
    ...failure,
  }
}

/** What was done so far must be told also when the source fails half way. */
async function endOf(carrying: AsyncIterable<unknown>, pace: Pace): Promise<{ error?: unknown }> {
  try {
    for await (const _ of carrying);
    await pace.finish()
    return {}
  } catch (error) {
    return { error }
  }
}
