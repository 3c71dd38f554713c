/** `npm run chaos`: real processes, faults by a seeded plan, and the simulated WhatsApp as judge. It is run
 *  by hand and before a release; test/fleet/chaos.test.ts runs a short one. It must leave no process behind,
 *  whatever ends it: a frozen process is woken before it is ended. */
import { mkdirSync } from 'node:fs'
import { CLEAR_LINE_END } from '../../cli/ansi.ts'
import { Interrupted } from '../../local/demo/waiting.ts'
import { type ChaosOptions, HELP, readOptions } from './options.ts'
import { type Outcome, tellViolations } from './outcome.ts'
import { runChaos } from './run.ts'
import { drawTable } from './table.ts'

const LOG_DIR = '.mooring/chaos'
const EXIT_INTERRUPTED = 130
const COLUMNS = 120
/** To the beginning of the line, which is cleared. */
const LINE_AGAIN = `\r${CLEAR_LINE_END}`

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2))
  if (!options) {
    process.stdout.write(`${HELP}\n`)
    return 0
  }
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort())
  const logDir = `${LOG_DIR}/${new Date().toISOString().replaceAll(':', '-')}`
  mkdirSync(logDir, { recursive: true })
  try {
    return conclude(await runAll(options, logDir, stop.signal))
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    return EXIT_INTERRUPTED
  } finally {
    say(`the logs are in ${logDir}`)
  }
}

async function runAll(options: ChaosOptions, logDir: string, stop: AbortSignal): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const fleet of ['mooring', 'naive'] as const) {
    if (options.fleet !== fleet && options.fleet !== 'both') continue
    say(`\n${fleet}, seed ${options.seed}: ${options.devices} devices on ${options.servers} servers`)
    const outcome = await runChaos({ ...options, fleet, logDir, stop, tell: progress })
    outcomes.push(outcome)
    say(`\n${drawTable([outcome]).join('\n')}`)
    for (const violation of tellViolations(outcome)) say(violation)
  }
  return outcomes
}

function conclude(outcomes: readonly Outcome[]): number {
  if (outcomes.length > 1) say(`\n${drawTable(outcomes).join('\n')}\n`)
  const kept = outcomes.filter(({ fleet }) => fleet === 'mooring')
  return kept.some(({ violations }) => violations.length > 0) ? 1 : 0
}

function say(text: string): void {
  process.stdout.write(process.stdout.isTTY ? `${LINE_AGAIN}${text}\n` : `${text}\n`)
}

/** On a terminal each line replaces the one before. */
function progress(line: string): void {
  process.stderr.write(process.stderr.isTTY ? `${LINE_AGAIN}${line.slice(0, COLUMNS)}` : `${line}\n`)
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(2)
  },
)
