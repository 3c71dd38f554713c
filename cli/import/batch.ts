/** The name of an import run. Each device keeps the name, so that the run can be undone as a whole. */
import type { Clock } from '../../core/clock.ts'
import type { Random } from '../../core/random.ts'

const CHANCE_CHARACTERS = 6

/** A name that tells when the run began, as in "import-20300131-0215-a1b2c3". */
export function batchName(clock: Clock, random: Random): string {
  const [date = '', time = ''] = new Date(clock.wallMs()).toISOString().split('T')
  const at = `${date.replaceAll('-', '')}-${time.slice(0, 5).replace(':', '')}`
  return `import-${at}-${random.id().slice(0, CHANCE_CHARACTERS)}`
}
