/** `npm run model`: lets spin check docs/model/mooring.pml, and prints the results as a table. */
import { parseArgs } from 'node:util'
import { CHECKS, type Check, smallest } from './checks.ts'
import { explain, type Outcome, type SearchLimits, search } from './spin.ts'

const LIMITS: Readonly<Record<Check['runs'][number], SearchLimits>> = {
  ci: { memoryMb: 1500, hashBits: 22 },
  full: { memoryMb: 8000, hashBits: 26 },
}
const INTERRUPTED = 130

const HELP = `npm run model -- [--ci | --only NAME | --trace NAME | --list]

Checks the model of the ownership protocol, docs/model/mooring.pml, with spin: the protocol must hold in every reachable
state, and every mutant must be found. Needs spin and gcc (apt-get install spin gcc).

  (no option)  all checks: some 10 minutes and 5.2 GB of memory, on one core
  --ci         the mutants and a smaller base: some 2 minutes and 0.7 GB
  --only NAME  one line of the table
  --trace NAME the shortest way to the violation, step by step
  --list       explains each line of the table
  --help       shows this text

Exit code 1 when a result is not as expected: a violation of the protocol, a search that left states out, or a mutant
that was not found.`

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      ci: { type: 'boolean', default: false },
      only: { type: 'string' },
      trace: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return say(HELP)
  if (values.list) return say(CHECKS.map(({ name, about }) => `${name.padEnd(26)}${about}`).join('\n'))
  const run = values.ci ? 'ci' : 'full'
  const named = values.only ?? values.trace
  const chosen = CHECKS.filter(({ name, runs }) => (named ? name === named : runs.includes(run)))
  if (chosen.length === 0) throw new Error(`there is no check "${named}": see --list`)

  const interrupt = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt.abort())
  try {
    const until = interrupt.signal
    return values.trace ? await traceAll(chosen, until) : await checkAll(chosen, until)
  } catch (error) {
    if (interrupt.signal.aborted) return INTERRUPTED
    throw error
  }
}

async function traceAll(chosen: readonly Check[], until: AbortSignal): Promise<number> {
  for (const check of chosen) {
    say(`${check.name}: ${check.about}\n`)
    say((await explain(smallest(check), LIMITS.ci, until)) ?? '  no violation')
  }
  return 0
}

async function checkAll(chosen: readonly Check[], until: AbortSignal): Promise<number> {
  say(line('check', 'expected', 'result', 'states', 'seconds', 'MB'))
  let wrong = 0
  for (const check of chosen) {
    const begun = performance.now()
    const outcome = await search(check, limitsOf(check), until)
    const seconds = (performance.now() - begun) / 1000
    const { result, states, memoryMb } = outcome
    say(
      line(
        check.name,
        check.expected,
        result,
        states.toLocaleString('en'),
        seconds.toFixed(1),
        memoryMb.toFixed(0),
      ),
    )
    if (result === check.expected) continue
    wrong++
    say(`  NOT AS EXPECTED: ${complaint(check, outcome)}`)
  }
  const fine = chosen.length - wrong
  say(`\n${fine} of ${chosen.length} as expected`)
  return wrong === 0 ? 0 : 1
}

/** Mutants are found early, so the limits of the small run suffice. */
const limitsOf = ({ expected, runs }: Check): SearchLimits =>
  LIMITS[expected === 'holds' && runs.includes('full') ? 'full' : 'ci']

function complaint(check: Check, { result, why, violation }: Outcome): string {
  if (why) return why
  return result === 'found'
    ? `${violation}; see --trace "${check.name}"`
    : `spin found nothing: ${check.about}`
}

function line(name: string, expected: string, result: string, ...figures: readonly string[]): string {
  return [
    name.padEnd(26),
    expected.padEnd(10),
    result.padEnd(12),
    ...figures.map((figure) => figure.padStart(12)),
  ].join('')
}

function say(text: string): 0 {
  process.stdout.write(`${text}\n`)
  return 0
}

process.exitCode = await main().catch((error: Error) => {
  process.stderr.write(`${error.message}\n`)
  return 2
})
