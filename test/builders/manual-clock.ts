/** A clock that moves only when the test moves it. */
import type { Clock, Mark } from '../../core/clock.ts'

/** 2030-01-01T00:00:00Z. Any time will do, and this one is easy to recognise. */
export const WALL_START_MS = Date.UTC(2030, 0, 1)

export interface ManualClock extends Clock {
  /** Moves all clocks on, and fires the due timers in order. */
  advance(ms: number): void
  /** The machine sleeps: only its boot-time clock and the time of day go on. */
  suspend(ms: number): void
  /** The time of day is set. */
  setWallBy(ms: number): void
  timersSet(): number
  /** Runs virtual time, timer after timer, until `work` has ended. */
  runUntilDone<Result>(work: Promise<Result>): Promise<Result>
}

export function manualClock(): ManualClock {
  let monotonicMs = 1000
  let asleepMs = 0
  let wallMs = WALL_START_MS
  let timers: { dueMs: number; run: () => void }[] = []
  let timerSet = () => {}

  const advance = (ms: number) => {
    const untilMs = monotonicMs + ms
    for (;;) {
      const next = timers.filter(({ dueMs }) => dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs)[0]
      const toMs = Math.max(monotonicMs, next?.dueMs ?? untilMs)
      wallMs += toMs - monotonicMs
      monotonicMs = toMs
      if (!next) return
      timers = timers.filter((timer) => timer !== next)
      next.run()
    }
  }

  return {
    wallMs: () => wallMs,
    mark: (): Mark => ({ monotonicMs, bootMs: monotonicMs + asleepMs }),
    elapsedMs: (since) => Math.max(monotonicMs - since.monotonicMs, monotonicMs + asleepMs - since.bootMs),
    startTimer(afterMs, run) {
      const timer = { dueMs: monotonicMs + afterMs, run }
      timers.push(timer)
      timerSet()
      return {
        cancel: () => {
          timers = timers.filter((other) => other !== timer)
        },
      }
    },
    advance,
    timersSet: () => timers.length,
    suspend(ms) {
      asleepMs += ms
      wallMs += ms
    },
    setWallBy(ms) {
      wallMs += ms
    },
    async runUntilDone(work) {
      let done = false
      const ended = work.finally(() => {
        done = true
      })
      while (!done) {
        const setOrEnded = new Promise<void>((resolve) => {
          timerSet = resolve
          ended.then(
            () => resolve(),
            () => resolve(),
          )
        })
        if (timers.length === 0) await setOrEnded
        if (timers.length > 0) advance(Math.min(...timers.map(({ dueMs }) => dueMs)) - monotonicMs)
        await Promise.resolve()
      }
      return ended
    },
  }
}
