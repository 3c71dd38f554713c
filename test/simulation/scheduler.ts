/** The one queue of all events, in virtual time. There is one thread: an event runs, then every promise that
 *  it settled, then the next event. The seed decides which of several ready events runs first. */
import { chance } from './chance.ts'

export interface Scheduled {
  cancel(): void
}

export interface Scheduler {
  /** True virtual time in ms. No process can read it. */
  now(): number
  at(ms: number, run: () => void | Promise<void>): Scheduled
  after(ms: number, run: () => void | Promise<void>): Scheduled
  /** Runs the next event and its consequences. @returns false when nothing is left */
  step(): Promise<boolean>
  /** Resolves when no promise can go on. */
  settle(): Promise<void>
  steps(): number
}

interface Event {
  readonly ms: number
  readonly turn: number
  run: (() => void | Promise<void>) | undefined
}

/** Events this close together are ready at the same time. */
const READY_TOGETHER_MS = 1

export function createScheduler(seed: number): Scheduler {
  const turns = chance(seed, 'turns')
  const heap: Event[] = []
  let nowMs = 0
  let steps = 0

  // All microtasks have run when the event loop reaches its next phase.
  const settle = () => new Promise<void>((resolve) => void setImmediate(resolve))

  function at(ms: number, run: () => void | Promise<void>): Scheduled {
    const due = Math.max(nowMs, Math.ceil(ms / READY_TOGETHER_MS) * READY_TOGETHER_MS)
    const event: Event = { ms: due, turn: turns.fraction(), run }
    push(heap, event)
    return {
      cancel: () => {
        event.run = undefined
      },
    }
  }

  return {
    now: () => nowMs,
    at,
    after: (ms, run) => at(nowMs + ms, run),
    settle,
    steps: () => steps,
    async step() {
      for (;;) {
        const event = pop(heap)
        if (!event) return false
        if (!event.run) continue
        nowMs = event.ms
        steps += 1
        await event.run()
        await settle()
        return true
      }
    },
  }
}

function before(one: Event, other: Event): boolean {
  return one.ms < other.ms || (one.ms === other.ms && one.turn < other.turn)
}

function push(heap: Event[], event: Event): void {
  let at = heap.push(event) - 1
  while (at > 0) {
    const parent = (at - 1) >> 1
    const above = heap[parent] as Event
    if (!before(event, above)) break
    heap[at] = above
    at = parent
  }
  heap[at] = event
}

function pop(heap: Event[]): Event | undefined {
  const first = heap[0]
  const last = heap.pop()
  if (!last || heap.length === 0) return first
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    const right = heap[child + 1]
    if (right && before(right, heap[child] as Event)) child += 1
    const below = heap[child] as Event
    if (!before(below, last)) break
    heap[at] = below
    at = child
  }
  heap[at] = last
  return first
}
