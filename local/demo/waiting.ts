/** Waits that end: by what they wait for, by a limit with a sentence, or by Ctrl-C. */
import { type Clock, sleep } from '../../core/clock.ts'

/** A look at a fleet costs this machine a few table scans. */
const LOOK_EVERY_MS = 400

/** A person has asked the demo to end. */
export class Interrupted extends Error {
  constructor() {
    super('interrupted')
  }
}

export interface Wait {
  readonly clock: Clock
  readonly stop: AbortSignal
}

/** @throws Interrupted, or an Error that says what was waited for in vain */
export async function waitFor(
  { clock, stop }: Wait,
  what: string | (() => string),
  msMax: number,
  isThere: () => boolean | Promise<boolean>,
): Promise<void> {
  const begun = clock.mark()
  while (!(await isThere())) {
    if (stop.aborted) throw new Interrupted()
    if (clock.elapsedMs(begun) > msMax) {
      const inVain = typeof what === 'string' ? what : what()
      throw new Error(`waited ${msMax / 1000} s in vain for ${inVain}`)
    }
    await sleep(clock, LOOK_EVERY_MS, stop)
  }
}

/** @throws Interrupted */
export async function pause({ clock, stop }: Wait, ms: number): Promise<void> {
  await sleep(clock, ms, stop)
  if (stop.aborted) throw new Interrupted()
}
