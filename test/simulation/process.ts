/** A process on its own machine: a server, or an invocation of a Lambda. The process runs, is frozen, or
 *  is gone. Messages to a frozen process wait, and so do messages from a frozen machine. */
import type { Chance } from './chance.ts'
import type { Scheduler } from './scheduler.ts'
import { type ClockPlan, type VirtualClock, virtualClock } from './virtual-clock.ts'

export type Freeze =
  /** SIGSTOP: bytes that the kernel has already still leave. */
  | 'stopped'
  /** The whole machine is frozen. Bytes that it was about to send leave when it goes on. */
  | 'machine'
  /** The machine sleeps: as `machine`, and its monotonic clock stops as well. */
  | 'suspended'

/** A machine that woke up must notice within this that it slept, because its timers stood still. */
const NOTICES_SLEEP_WITHIN_MS = 600

export interface Process {
  readonly name: string
  readonly kind: 'server' | 'lambda'
  readonly clock: VirtualClock
  readonly chance: Chance
  /** The network sets it when requests or answers of this process are lost. */
  cut: { requests: boolean; answers: boolean; whatsapp: boolean }
  isAlive(): boolean
  isFrozen(): boolean
  /** The process has slept and just woken up. It cannot have noticed yet. */
  hasJustSlept(): boolean
  /** Something reaches this process: it runs at once, waits, or is lost. */
  deliver(run: () => void): void
  /** Something leaves this process, at once or when its machine goes on. `wasHeld` tells which. */
  send(depart: (wasHeld: boolean) => void): void
  freeze(forMs: number, how: Freeze): void
  thaw(): void
  /** The process is gone. Bytes that it had sent stay sent.
   *  @param crashed it failed by itself; else it was ended from outside, or left */
  end(crashed?: boolean): void
  hasCrashed(): boolean
  readonly onEnd: Set<() => void>
}

export function createProcess(
  scheduler: Scheduler,
  plan: { name: string; kind: Process['kind']; chance: Chance; clock: ClockPlan },
): Process {
  const clock = virtualClock(scheduler, plan.clock)
  const inbox: (() => void)[] = []
  const outbox: ((wasHeld: boolean) => void)[] = []
  const onEnd = new Set<() => void>()
  let wokeAtMs = Number.NEGATIVE_INFINITY
  let alive = true
  let wentWrong = false
  let freeze: { how: Freeze; since: number; until: number } | undefined

  function deliver(run: () => void): void {
    if (!alive) return
    if (freeze) inbox.push(run)
    else run()
  }

  async function goOn(): Promise<void> {
    if (!freeze || !alive) return
    const { how, since } = freeze
    freeze = undefined
    if (how === 'suspended') {
      wokeAtMs = scheduler.now()
      clock.slept(wokeAtMs - since)
    }
    for (const depart of outbox.splice(0)) depart(true)
    await clock.release(() => freeze !== undefined)
    for (const run of inbox.splice(0)) scheduler.after(0, () => deliver(run))
  }

  return {
    name: plan.name,
    kind: plan.kind,
    clock,
    chance: plan.chance,
    cut: { requests: false, answers: false, whatsapp: false },
    hasJustSlept: () => scheduler.now() - wokeAtMs < NOTICES_SLEEP_WITHIN_MS,
    onEnd,
    isAlive: () => alive,
    isFrozen: () => freeze !== undefined,
    deliver,
    send(depart) {
      if (!alive) return
      if (freeze && freeze.how !== 'stopped') outbox.push(depart)
      else depart(false)
    },
    freeze(forMs, how) {
      if (!alive || freeze) return
      const since = scheduler.now()
      const mine = { how, since, until: since + forMs }
      freeze = mine
      clock.hold()
      scheduler.after(forMs, () => (freeze === mine ? goOn() : undefined))
    },
    thaw() {
      scheduler.after(0, goOn)
    },
    hasCrashed: () => wentWrong,
    end(crashed = false) {
      if (!alive) return
      alive = false
      wentWrong = crashed
      clock.stop()
      for (const ended of onEnd) ended()
    },
  }
}
