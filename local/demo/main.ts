/**
 * `npm run demo`: the same faults strike a fleet with Mooring and a fleet without it, and the simulator
 * counts conflicts. A newcomer runs it at a terminal or in a pipe. However it ends, it must leave no process,
 * port or folder behind.
 */
import { mkdirSync } from 'node:fs'
import { systemClock } from '../../core/clock.ts'
import { faultOf, lastWords, naming } from '../faults.ts'
import { playMooring } from './mooring-acts.ts'
import { playNaive } from './naive-acts.ts'
import { HELP, readDemoOptions } from './options.ts'
import type { Show } from './show.ts'
import { openStage } from './stage.ts'
import { drawSummary } from './summary.ts'
import { isKept, type Outcome, totalsOf } from './tally.ts'
import { makeUndo } from './undo.ts'
import { Interrupted } from './waiting.ts'

const LOG_DIR = '.mooring/logs'
const EXIT_INTERRUPTED = 130

async function main(): Promise<number> {
  const options = readDemoOptions(process.argv.slice(2))
  if (!options) {
    process.stdout.write(HELP)
    return 0
  }
  await naming(`the folder of logs ${LOG_DIR}`, () => mkdirSync(LOG_DIR, { recursive: true }))
  const begun = systemClock.mark()
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort())
  // The reader of the output is gone, as with `| head`.
  process.stdout.on('error', () => stop.abort())
  const stage = openStage(process.stdout, () => systemClock.elapsedMs(begun))
  const undo = makeUndo()
  // The terminal gets its cursor back however the process ends.
  process.on('exit', () => stage.settle())
  const show: Show = { stage, undo, stop: stop.signal, clock: systemClock, logDir: LOG_DIR, ...options }
  try {
    return await play(show)
  } catch (error) {
    stage.settle()
    if (!(error instanceof Interrupted)) throw error
    return EXIT_INTERRUPTED
  } finally {
    await stage.during('ending: processes end, folders are deleted', undo.all())
  }
}

async function play(show: Show): Promise<number> {
  const { stage, undo } = show
  stage.title('Mooring keeps every WhatsApp device on exactly one server')
  stage.say(
    'WhatsApp allows one socket per linked device. When two servers each open one, WhatsApp closes the older socket ' +
      'with a "conflict" (status 440). The server that lost it connects again, and so the two go on forever.',
  )
  stage.say(
    'Two fleets on this machine meet the same faults, first with Mooring, then without it. The processes and ' +
      'the Baileys client are real. WhatsApp is simulated: it counts every conflict, and every time that a ' +
      'device has two sockets at once (an overlap). The demo takes about 90 seconds; Ctrl-C ends it at any time.',
  )
  const mooring = await playMooring(show)
  await stage.during('the fleet with Mooring ends', undo.all())
  const naive = await playNaive(show)
  conclude(show, naive, mooring)
  return isKept(mooring) ? 0 : 1
}

function conclude({ stage }: Show, naive: Outcome, mooring: Outcome): void {
  const { conflicts, devicesStruck } = totalsOf(naive)
  const isGood = isKept(mooring)
  stage.title('What WhatsApp saw')
  stage.print(['', ...drawSummary(naive, mooring, stage.canvas()), ''])
  stage.say(
    'The WhatsApp simulator counted all of this at its end of the sockets. No real WhatsApp was involved.',
  )
  stage.verdict(
    isGood,
    isGood
      ? 'With Mooring no device ever had two sockets. ' +
          `Without it ${devicesStruck} of ${naive.devices} devices had ${conflicts} conflicts.`
      : `Mooring did not keep its promise in this run. The logs are in ${LOG_DIR}; please report it.`,
  )
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${lastWords(faultOf('the demo ends', error))}\n`)
    process.exit(1)
  },
)
