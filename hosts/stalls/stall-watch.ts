/** Measures how long work of a device's socket has been unanswered. Baileys waits for WhatsApp under the
 *  device's lock, and some of its waits have no limit. A timer that all sockets of a server share looks at
 *  the oldest work of each at every tick.
 *
 *  This room finds stalls. The WhatsApp socket opens a watch and tells it what begins and ends. Nothing here
 *  may close a socket or decide what follows: the opener of the watch is told of a stall and decides. */
import { AsyncResource } from 'node:async_hooks'
import type { Clock, Mark, Timer } from '../../core/clock.ts'
import { type DeviceWatch, type StallEvents, watchDevice } from './device-watch.ts'

/** With the ticks, a stall is noticed well within 30 s. Each query of Baileys ends after 8 s, see
 *  hosts/whatsapp/baileys-socket.ts. */
export const STALL_AFTER_MS = 20_000
const TICKS_PER_LIMIT = 20
const TICK_MS_MAX = 1000
/** A late tick counts as at most this many ticks: the process was frozen, or had no processor. */
const TICKS_COUNTED_MAX = 2
export interface StallWatches {
  open(events: StallEvents): DeviceWatch
  /** The greatest age of unanswered work of any device since the last call, in ms. */
  worstMs(): number
}

interface Watched {
  tick(ms: number, tickMs: number): void
  fail(error: unknown): void
  oldestMs(): number
}

/** The timer is the same for all devices. An error in the handler of one device is thrown in the context in
 *  which its watch was opened, and holds up no other device. */
function failsHere(): (error: unknown) => void {
  return AsyncResource.bind((error: unknown) =>
    queueMicrotask(() => {
      throw error
    }),
  )
}

export function createStallWatches(clock: Clock, stallAfterMs = STALL_AFTER_MS): StallWatches {
  const watched = new Set<Watched>()
  const tickMs = Math.min(TICK_MS_MAX, stallAfterMs / TICKS_PER_LIMIT)
  let timer: Timer | undefined
  let last: Mark = clock.mark()
  let worst = 0

  // The timer belongs to no device, although a device makes it start.
  const schedule = AsyncResource.bind(() => {
    timer = clock.startTimer(tickMs, tick)
  })
  function tick(): void {
    const passedMs = Math.min(clock.elapsedMs(last), tickMs * TICKS_COUNTED_MAX)
    last = clock.mark()
    for (const device of [...watched]) {
      try {
        device.tick(passedMs, tickMs)
      } catch (error) {
        device.fail(error)
      }
      worst = Math.max(worst, device.oldestMs())
    }
    timer = undefined
    if (watched.size > 0) schedule()
  }

  return {
    open(events) {
      const device = watchDevice(clock, stallAfterMs, events)
      const entry: Watched = {
        // Work that a stall starts belongs to the device for which the watch was opened.
        tick: AsyncResource.bind(device.tick),
        fail: failsHere(),
        oldestMs: device.watch.oldestMs,
      }
      watched.add(entry)
      if (!timer) {
        last = clock.mark()
        schedule()
      }
      return {
        ...device.watch,
        close() {
          watched.delete(entry)
          if (watched.size > 0) return
          timer?.cancel()
          timer = undefined
        },
      }
    },
    worstMs() {
      const told = worst
      worst = 0
      return told
    },
  }
}
