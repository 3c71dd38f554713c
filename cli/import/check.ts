/** `--check`: reads the source and tells for each device what it holds and what would be lost. It opens no
 *  socket, knows no fleet, and writes nothing but the report that was asked for. */
import { systemRandom } from '../../core/random.ts'
import { Interrupted, NotDone } from '../failures.ts'
import { counted } from '../words.ts'
import { type CliWorld, tell } from '../world.ts'
import type { Source } from './candidate.ts'
import { plan } from './plan.ts'
import { createProgress } from './progress.ts'
import { drawCheck, withoutDigest } from './report.ts'
import { openReport } from './report-file.ts'

export interface CheckOptions {
  readonly linkedOnly?: true
  readonly report?: string
  readonly name?: string
}

/** @throws NotDone when a device would not be imported */
export async function checkSource(world: CliWorld, source: Source, options: CheckOptions): Promise<void> {
  const { terminal, clock } = world
  const run = { batch: options.name ?? 'check', startedAt: new Date(clock.wallMs()).toISOString() }
  const report = openReport(options.report, run, systemRandom)
  const progress = createProgress(world)
  const judged = await plan(undefined, source, { linkedOnly: options.linkedOnly === true }, (read) => {
    if (world.stop.aborted) throw new Interrupted()
    progress.show(read, undefined, `${source.kind}${read === 1 ? '' : 's'} read`)
  }).finally(() => progress.end())
  const devices = judged.map(withoutDigest)
  tell(world, { check: true, devices }, () => drawCheck(judged, source.kind, terminal.columns()))
  await report.save('check', { devices })
  const unusable = judged.filter(({ intent }) => intent === 'skip').length
  if (unusable > 0) {
    throw new NotDone(`${counted(unusable, source.kind)} would not be imported.`)
  }
}
