/** Tells how far a long command is: in place on a terminal, and otherwise as a line at intervals. */
import type { Clock, Mark } from '../../core/clock.ts'
import { plain } from '../words.ts'
import type { CliWorld } from '../world.ts'

/** A person sees no more than some pictures a second. */
const DRAWN_EVERY_MS = 200
/** A log file of a night's import should stay readable. */
const PRINTED_EVERY_MS = 10_000
/** The rate is that of the last half minute: old speed says little about the time left. */
const RATE_OVER_MS = 30_000
const SAMPLE_EVERY_MS = 1000

type World = Pick<CliWorld, 'terminal' | 'clock' | 'json'>

export interface Progress {
  /** @param what follows the count: "imported" or "folders read"
   *  @param total undefined when nobody knows it yet */
  show(done: number, total: number | undefined, what: string): void
  /** Draws a line in place of the count, such as what the command waits for. */
  wait(line: string): void
  /** Prints a line that stays. */
  note(line: string): void
  end(): void
}

export function createProgress({ terminal, clock, json }: World): Progress {
  const everyMs = terminal.isInteractive ? DRAWN_EVERY_MS : PRINTED_EVERY_MS
  const pace = createRate(clock)
  let drawnAt: Mark | undefined = terminal.isInteractive ? undefined : clock.mark()

  function draw(line: string): void {
    if (json || (drawnAt && clock.elapsedMs(drawnAt) < everyMs)) return
    drawnAt = clock.mark()
    terminal.draw([plain(line)])
  }

  return {
    show: (done, total, what) => draw(progressLine({ done, total, what, perSecond: pace(done) })),
    wait: draw,
    note(line) {
      if (json) return
      terminal.wipe()
      terminal.print([plain(line)])
    },
    end: () => terminal.wipe(),
  }
}

/** @returns the present rate per second, once there is one; it is told each new count */
export function createRate(clock: Clock): (done: number) => number | undefined {
  const begun = clock.mark()
  const samples: { atMs: number; done: number }[] = []
  return (done) => {
    const atMs = clock.elapsedMs(begun)
    const last = samples.at(-1)
    if (!last || atMs - last.atMs >= SAMPLE_EVERY_MS) samples.push({ atMs, done })
    while (samples.length > 2 && atMs - (samples[1]?.atMs ?? 0) >= RATE_OVER_MS) samples.shift()
    const first = samples[0]
    if (!first || atMs - first.atMs < SAMPLE_EVERY_MS) return undefined
    return ((done - first.done) * 1000) / (atMs - first.atMs)
  }
}

export interface Reached {
  readonly done: number
  readonly total: number | undefined
  readonly what: string
  readonly perSecond: number | undefined
}

/** As in "312 of 1000 imported, 14 a second, 49 s left". Pure. */
export function progressLine({ done, total, what, perSecond }: Reached): string {
  const count = total === undefined ? `${done} ${what}` : `${done} of ${total} ${what}`
  if (perSecond === undefined) return count
  const rate = perSecond >= 10 ? Math.round(perSecond) : Number(perSecond.toFixed(1))
  const left = total === undefined || perSecond === 0 ? undefined : (total - done) / perSecond
  return [count, `${rate} a second`, ...(left === undefined ? [] : [`${leftInWords(left)} left`])].join(', ')
}

function leftInWords(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`
  const minutes = Math.ceil(seconds / 60)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
