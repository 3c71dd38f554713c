/** Waits that always end: when the condition holds, at a limit with a sentence, or by Ctrl-C. */
import { type Clock, sleep } from '../../core/clock.ts'

/** Not more often, because each look at a fleet costs this machine a few table scans. */
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

/** @param what is waited for, for the sentence of the error
 *  @throws Interrupted, or an Error at the limit */
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
