/** An import from beginning to end: reads and judges every candidate, shows the plan, asks, imports, and
 *  reports. */
import { mustConfirm } from '../confirm.ts'
import { Interrupted, NotDone } from '../failures.ts'
import type { Fleet } from '../fleet-access.ts'
import { counted } from '../words.ts'
import { type CliWorld, tell } from '../world.ts'
import { inOrder, type Source } from './candidate.ts'
import { carryOut, type Outcome } from './carry-out.ts'
import { type Planned, plan } from './plan.ts'
import { drawPlan, drawReport } from './report.ts'

/** How many devices are stored at the same time, each with up to 32 requests. */
const STORED_AT_ONCE = 3
/** This many failures in a row are no chance: the store or the key cannot be reached. */
const FAILURES_MAX = 6

const WARNING =
  'The old system must be stopped and stay stopped: two live copies of one device conflict, and messages are lost.'

export interface RunOptions {
  readonly dryRun?: true
  readonly yes?: true
  /** Leave the devices stopped. */
  readonly stopped?: true
  readonly linkedOnly?: true
}

type World = Pick<CliWorld, 'terminal' | 'clock' | 'stop' | 'json'>

export async function runImport(
  world: CliWorld,
  fleet: Fleet,
  source: Source,
  options: RunOptions,
): Promise<void> {
  const { terminal } = world
  const linkedOnly = options.linkedOnly === true
  const planned = await plan(fleet.store, source, { linkedOnly }, (read) => {
    mustGoOn(world)
    show(world, `${counted(read, source.kind)} read`, false)
  })
  terminal.wipe()
  if (options.dryRun) {
    const drawn = () => [...drawPlan(planned, source.kind, terminal.columns()), '', WARNING]
    return tell(world, { dryRun: true, devices: planned.map(withoutDigest) }, drawn)
  }
  const wanted = planned.filter(({ intent }) => intent !== 'skip' && intent !== 'done').length
  if (wanted > 0 && !options.yes) {
    terminal.print([...drawPlan(planned, source.kind, terminal.columns()), ''])
    await mustConfirm(world, `${counted(wanted, 'device')} to import. ${WARNING}`, 'import')
  } else if (wanted > 0 && !world.json) terminal.print(WARNING)
  const outcomes = await carryOutAll(world, fleet, source, planned, options.stopped === true)
  terminal.wipe()
  tell(world, { devices: outcomes }, () => drawReport(outcomes, source.kind, terminal.columns()))
  if (world.stop.aborted) throw new Interrupted()
  const failed = outcomes.filter(({ outcome }) => outcome === 'failed').length
  if (failed > 0 || outcomes.length < planned.length) {
    throw new NotDone(
      `Not everything was imported: ${failed} failed. Run the command again: it continues where it ended.`,
    )
  }
}

/** Ends early when a person interrupts it, or when one import after another fails. */
async function carryOutAll(
  world: World,
  fleet: Fleet,
  source: Source,
  planned: readonly Planned[],
  stopped: boolean,
): Promise<Outcome[]> {
  const byFrom = new Map(planned.map((one) => [one.from, one]))
  const outcomes: Outcome[] = []
  let failures = 0
  async function* known() {
    for await (const candidate of source.candidates()) {
      if (world.stop.aborted || failures >= FAILURES_MAX) return
      const one = byFrom.get(candidate.from)
      // A candidate that appeared only after the question is left to the next run.
      if (one) yield { candidate, one }
    }
  }
  const carrying = inOrder(known(), STORED_AT_ONCE, ({ candidate, one }) =>
    carryOut({ ...world, ...fleet }, candidate, one, stopped),
  )
  for await (const outcome of carrying) {
    outcomes.push(outcome)
    failures = outcome.outcome === 'failed' ? failures + 1 : 0
    if (outcome.outcome !== 'skipped' && outcome.outcome !== 'done') {
      show(world, `${outcomes.length} of ${planned.length}: ${outcome.deviceId} ${outcome.outcome}`, true)
    }
  }
  return outcomes
}

/** @param stays whether the line is worth printing where there is no terminal */
function show({ terminal, json }: World, line: string, stays: boolean): void {
  if (!json && (terminal.isInteractive || stays)) terminal.draw([line])
}

function mustGoOn({ stop }: World): void {
  if (stop.aborted) throw new Interrupted()
}

function withoutDigest({ digest, ...planned }: Planned): Omit<Planned, 'digest'> {
  return planned
}
