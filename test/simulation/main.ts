/** `npm run simulate`: many seeds, with progress and a summary. */
import { parseArgs } from 'node:util'
import { checkSeed } from './check.ts'
import { checkSeeds, workersByDefault } from './pool.ts'
import { createSummary } from './summary.ts'

const HELP = `Runs the real ownership code in virtual time, with faults, and checks the invariants after every step.

npm run simulate -- [options]
  --seeds N      how many seeds (1000)
  --first N      the first seed (1)
  --seed N       this seed alone, told in full when it breaks an invariant
  --workers N    threads (${workersByDefault()}, one per processor)
  --help         shows this text

Exit code 1 when an invariant was broken, 130 after Ctrl-C.`

const PROGRESS_EVERY_MS = 2000
/** A few stories are enough to work on. The other seeds are listed. */
const STORIES_MAX = 3

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1000' },
      first: { type: 'string', default: '1' },
      seed: { type: 'string' },
      workers: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(`${HELP}\n`)
    return 0
  }
  if (values.seed !== undefined) return one(whole('--seed', values.seed))
  return many({
    seeds: whole('--seeds', values.seeds),
    firstSeed: whole('--first', values.first),
    workers: values.workers === undefined ? undefined : whole('--workers', values.workers),
  })
}

async function one(seed: number): Promise<number> {
  const begun = performance.now()
  const summary = createSummary()
  summary.add(await checkSeed(seed))
  process.stdout.write(`${[...summary.stories, summary.inWords(performance.now() - begun)].join('\n\n')}\n`)
  return summary.stories.length > 0 ? 1 : 0
}

async function many(options: {
  seeds: number
  firstSeed: number
  workers: number | undefined
}): Promise<number> {
  const begun = performance.now()
  const summary = createSummary()
  const stop = new AbortController()
  process.once('SIGINT', () => {
    process.stderr.write('\nending after the seeds under way; Ctrl-C again to leave at once\n')
    process.once('SIGINT', () => process.exit(130))
    stop.abort()
  })
  const progress = setInterval(() => {
    const elapsed = performance.now() - begun
    const left = ((options.seeds - summary.seeds) * elapsed) / Math.max(1, summary.seeds)
    const done = `${summary.seeds} of ${options.seeds} seeds, ${summary.stories.length} violations`
    const line = `${done}, ${Math.ceil(left / 1000)} s left`
    process.stderr.write(process.stderr.isTTY ? `\r${line}   ` : `${line}\n`)
  }, PROGRESS_EVERY_MS)
  await checkSeeds({ ...options, until: stop.signal, checked: (checked) => summary.add(checked) })
  clearInterval(progress)
  for (const story of summary.stories.slice(0, STORIES_MAX)) process.stdout.write(`\n${story}\n`)
  for (const story of summary.stories.slice(STORIES_MAX)) process.stdout.write(`${story.split('\n')[0]}\n`)
  process.stdout.write(`\n${summary.inWords(performance.now() - begun)}\n`)
  if (stop.signal.aborted) return 130
  return summary.stories.length > 0 ? 1 : 0
}

function whole(option: string, text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 0)
    throw new RangeError(`${option} takes a whole number, not ${text}`)
  return number
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(2)
  },
)
