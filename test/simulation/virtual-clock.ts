/** The clock of one process: its own time of day, its own rate, and timers in the virtual queue. */
import type { Clock, Mark, Timer } from '../../core/clock.ts'
import type { Scheduled, Scheduler } from './scheduler.ts'

/** 2030-01-01T00:00:00Z. */
const WALL_START_MS = Date.UTC(2030, 0, 1)

export interface ClockPlan {
  /** The error of this machine's time of day, in ms. */
  readonly wallOffsetMs: number
  /** Its own ms for each true ms: within 1 % of 1. */
  readonly rate: number
}

export interface VirtualClock extends Clock {
  readonly rate: number
  /** The time of day is set. */
  setWallBy(ms: number): void
  /** The process is frozen: due timers wait. */
  hold(): void
  /** The machine slept for `ms`: its monotonic clock and its timers stood still, its boot-time clock did
   *  not. */
  slept(ms: number): void
  /** Runs the timers that fell due meanwhile in their order, as Node does before it reads any socket. */
  release(isHeldAgain: () => boolean): Promise<void>
  /** No timer runs any more. */
  stop(): void
}

interface Pending {
  dueMs: number
  run: () => void
  event: Scheduled
  isDue: boolean
}

export function virtualClock(scheduler: Scheduler, plan: ClockPlan): VirtualClock {
  const pending = new Set<Pending>()
  let wallOffsetMs = plan.wallOffsetMs
  let asleepMs = 0
  let held = false
  let stopped = false
  const bootMs = () => scheduler.now() * plan.rate
  const monotonicMs = () => bootMs() - asleepMs * plan.rate

  function fire(timer: Pending): void {
    timer.isDue = true
    if (held || stopped) return
    pending.delete(timer)
    timer.run()
  }

  function enqueue(timer: Pending): void {
    timer.event.cancel()
    timer.event = scheduler.at(timer.dueMs, () => fire(timer))
  }

  return {
    rate: plan.rate,
    wallMs: () => Math.floor(WALL_START_MS + wallOffsetMs + bootMs()),
    mark: (): Mark => ({ monotonicMs: monotonicMs(), bootMs: bootMs() }),
    elapsedMs: (since) => Math.max(monotonicMs() - since.monotonicMs, bootMs() - since.bootMs),
    startTimer(afterMs, run): Timer {
      // Node counts whole milliseconds and at least one, so that a timer may fire a fraction early.
      const ownMs = Math.max(1, Math.floor(afterMs))
      const timer: Pending = {
        dueMs: scheduler.now() + ownMs / plan.rate,
        run,
        event: { cancel: () => undefined },
        isDue: false,
      }
      pending.add(timer)
      enqueue(timer)
      return {
        cancel() {
          timer.event.cancel()
          pending.delete(timer)
        },
      }
    },
    setWallBy(ms) {
      wallOffsetMs += ms
    },
    hold() {
      held = true
    },
    slept(ms) {
      asleepMs += ms
      for (const timer of pending) {
        timer.dueMs += ms
        timer.isDue = false
        enqueue(timer)
      }
    },
    async release(isHeldAgain) {
      held = false
      const due = [...pending].filter((timer) => timer.isDue).sort((one, other) => one.dueMs - other.dueMs)
      for (const timer of due) {
        if (isHeldAgain() || stopped) return
        // A timer that ran before may have cancelled this one.
        if (!pending.delete(timer)) continue
        timer.run()
        await scheduler.settle()
      }
    },
    stop() {
      stopped = true
      for (const timer of pending) timer.event.cancel()
      pending.clear()
    },
  }
}
