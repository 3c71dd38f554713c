/** An import from beginning to end: reads and judges every candidate, shows the plan, asks, imports, and
 *  reports. */
import { mustConfirm } from '../confirm.ts'
import { Interrupted, NotDone, WrongUsage } from '../failures.ts'
import type { Fleet } from '../fleet-access.ts'
import { counted, plain } from '../words.ts'
import { type CliWorld, tell } from '../world.ts'
import { batchName } from './batch.ts'
import type { Source } from './candidate.ts'
import { type Carried, carryOutAll } from './carry-out-all.ts'
import { createPace, noPace } from './pace.ts'
import { type Planned, plan } from './plan.ts'
import { createProgress, type Progress } from './progress.ts'
import { drawPlan, drawReport, withoutDigest } from './report.ts'
import { openReport, type ReportFile } from './report-file.ts'

const WARNING =
  'The old system must be stopped and stay stopped: two live copies of one device conflict, and messages are lost.'

export interface RunOptions {
  readonly dryRun?: true
  readonly yes?: true
  /** Leave the devices stopped. */
  readonly stopped?: true
  readonly linkedOnly?: true
  /** Import so many, and wait until each of them has connected. */
  readonly batch?: number
  readonly keepGoing?: true
  /** The name of the run, by which it can be undone. */
  readonly name?: string
  /** The file for the report. */
  readonly report?: string
}

export async function runImport(
  world: CliWorld,
  fleet: Fleet,
  source: Source,
  options: RunOptions,
): Promise<void> {
  const { terminal } = world
  if (options.batch !== undefined && options.stopped) {
    throw new WrongUsage('--batch waits until devices have connected, and --stopped leaves them stopped.')
  }
  const batch = options.name ?? batchName(world.clock, fleet.random)
  const report = openReport(options.report, { batch, startedAt: isoNow(world) }, fleet.random)
  await report.save('reading', { devices: [] })
  const progress = createProgress(world)
  const planned = await readAll(world, fleet, source, options, progress)
  if (options.dryRun) {
    await report.save('dry-run', { devices: planned.map(withoutDigest) })
    const drawn = () => [...drawPlan(planned, source.kind, terminal.columns()), '', WARNING]
    return tell(world, { dryRun: true, devices: planned.map(withoutDigest) }, drawn)
  }
  const wanted = planned.filter(({ intent }) => intent !== 'skip' && intent !== 'done').length
  if (wanted > 0 && !options.yes) {
    terminal.print([...drawPlan(planned, source.kind, terminal.columns()), ''])
    await mustConfirm(world, `${counted(wanted, 'device')} to import. ${WARNING}`, 'import')
  } else if (wanted > 0 && !world.json) terminal.print(WARNING)
  if (wanted > 0 && !world.json) terminal.print(`This import is named ${batch}.`)
  const pace = options.stopped ? noPace : createPace(world, fleet.store, progress, options)
  const importWorld = { ...world, ...fleet, batch }
  const stopped = options.stopped === true
  const carried = await carryOutAll(importWorld, { source, planned, stopped }, { pace, progress, report })
  await end(world, batch, source, planned, carried, report)
}

async function readAll(
  world: CliWorld,
  fleet: Fleet,
  source: Source,
  { linkedOnly }: RunOptions,
  progress: Progress,
): Promise<Planned[]> {
  try {
    return await plan(fleet.store, source, { linkedOnly: linkedOnly === true }, (read) => {
      if (world.stop.aborted) throw new Interrupted()
      progress.show(read, undefined, `${source.kind}${read === 1 ? '' : 's'} read`)
    })
  } finally {
    progress.end()
  }
}

/** Tells what was done, and throws what is left to do. */
async function end(
  world: CliWorld,
  batch: string,
  source: Source,
  planned: readonly Planned[],
  { outcomes, unconnected, waiting, stoppedBecause, error }: Carried,
  report: ReportFile,
): Promise<void> {
  const { terminal } = world
  const left = planned.length - outcomes.length
  const state = world.stop.aborted ? 'interrupted' : left === 0 ? 'done' : 'stopped'
  const told = { devices: outcomes, unconnected, waiting, left, stoppedBecause }
  tell(world, { batch, ...told }, () => [
    ...drawReport(outcomes, source.kind, terminal.columns()),
    ...(waiting > 0
      ? [`${counted(waiting, 'device')} had not connected yet. \`mooring watch\` shows them.`]
      : []),
    ...(outcomes.some(({ outcome }) => outcome === 'imported' || outcome === 'registered')
      ? [`What has not connected can be undone: mooring import undo ${batch}`]
      : []),
  ])
  await report.save(state, told, isoNow(world))
  if (world.stop.aborted) throw new Interrupted()
  if (error !== undefined) throw error
  const failed = outcomes.filter(({ outcome }) => outcome === 'failed').length
  const again = 'Run the command again: it continues where it ended.'
  if (stoppedBecause !== undefined) throw new NotDone(plain(`${stoppedBecause} ${again}`))
  if (failed > 0 || left > 0) throw new NotDone(`Not everything was imported: ${failed} failed. ${again}`)
  if (unconnected.length > 0) {
    throw new NotDone(
      `Everything was imported, but ${counted(unconnected.length, 'device')} did not connect.`,
    )
  }
}

function isoNow({ clock }: CliWorld): string {
  return new Date(clock.wallMs()).toISOString()
}
