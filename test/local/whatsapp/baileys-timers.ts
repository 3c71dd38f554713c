/** Baileys leaves a timer of 30 s after every upload of pre-keys. The timer must not keep a finished test
 *  process alive. */
const LONG_MS = 30_000

const startTimer = globalThis.setTimeout
const startUnheldTimer = (run: (...args: unknown[]) => void, afterMs?: number, ...args: unknown[]) => {
  const timer = startTimer(run, afterMs, ...args)
  return (afterMs ?? 0) >= LONG_MS ? timer.unref() : timer
}
globalThis.setTimeout = Object.assign(startUnheldTimer, startTimer)
