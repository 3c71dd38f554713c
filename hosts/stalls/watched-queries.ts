/** Watches Baileys' queries from outside: Baileys listens for the answer to each query by an event of its
 *  own. WhatsApp leaves some queries unanswered for good. So a query counts only while WhatsApp has answered
 *  no later one. When such a query grows old, a ping tells whether WhatsApp answers at all. */
import type { EventEmitter } from 'node:events'
import { type Clock, sleep } from '../../core/clock.ts'
import type { DeviceWatch, Work } from './device-watch.ts'

const ANSWER_TO = 'TAG:'
/** More than a socket ever has under way. Beyond it the oldest query is forgotten. */
const QUERIES_MAX = 1000

/** @param ping asks WhatsApp something that it always answers; it never rejects
 *  @param pingAfterMs the age of a query at which the ping is sent */
export function watchQueries(
  ws: Pick<EventEmitter, 'on' | 'off' | 'once'>,
  watch: Pick<DeviceWatch, 'begin'>,
  { clock, ping, pingAfterMs }: { clock: Clock; ping: () => Promise<void>; pingAfterMs: number },
  closed: AbortSignal,
): void {
  const unanswered = new Map<string, Work>()
  let listening = false

  const forget = (event: string) => {
    unanswered.get(event)?.end()
    unanswered.delete(event)
  }
  /** An answer shows that WhatsApp answers, so earlier queries are no sign of a stall. */
  function answered(event: string): void {
    for (const earlier of [...unanswered.keys()]) {
      forget(earlier)
      if (earlier === event) return
    }
  }
  function asked(event: string | symbol): void {
    if (listening || typeof event !== 'string' || !event.startsWith(ANSWER_TO) || unanswered.has(event))
      return
    if (unanswered.size >= QUERIES_MAX)
      for (const oldest of [...unanswered.keys()].slice(0, 1)) forget(oldest)
    unanswered.set(event, watch.begin('query', 'WhatsApp answers no query'))
    // `once` emits `newListener` as well, which must not count as a query.
    listening = true
    ws.once(event, () => unanswered.has(event) && answered(event))
    listening = false
  }

  async function pingWhenOld(): Promise<void> {
    while (!closed.aborted) {
      const [oldest] = unanswered.keys()
      await sleep(clock, pingAfterMs, closed)
      if (oldest !== undefined && unanswered.has(oldest) && !closed.aborted) await ping()
    }
    for (const event of [...unanswered.keys()]) forget(event)
  }

  ws.on('newListener', asked)
  void pingWhenOld()
}
