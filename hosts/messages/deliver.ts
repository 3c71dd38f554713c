/** Hands over to the consumer what the inbox of one device keeps: what was left by an earlier socket first, then what
 *  comes. One batch after the other, so that the order stays; a consumer that fails is asked again. */
import { type Clock, sleep } from '../../core/clock.ts'
import type { DeviceId } from '../../core/ids.ts'
import { backoffMs, type Random } from '../../core/random.ts'
import type { Inbox } from '../auth-state/inbox.ts'
import type { WhoIsWho } from '../auth-state/who-is-who.ts'
import type { ReceivedMessage } from '../whatsapp/received-message.ts'
import { messageOf } from '../whatsapp/received-message.ts'
import type { Consumer } from './consumer.ts'

/** A consumer that takes a part of a batch and fails gets that part again, so that a batch is small. */
const BATCH_MAX = 8
const AGAIN_BASE_MS = 500
const AGAIN_CAP_MS = 30_000

export interface HandingOver {
  readonly clock: Clock
  readonly random: Random
  readonly consumer: Consumer
  readonly inbox: Inbox
  readonly device: DeviceId
  readonly whoIsWho: WhoIsWho
  /** The consumer or the store failed; it is tried again. */
  readonly failed: (error: unknown) => void
}

/** Ends when `until` is aborted: when the socket is closed, and with it the inbox. It never rejects. */
export async function handOver(world: HandingOver, until: AbortSignal): Promise<void> {
  const { clock, random } = world
  let failures = 0
  while (!until.aborted) {
    try {
      await handOverBatch(world, until)
      failures = 0
    } catch (error) {
      if (until.aborted) return
      world.failed(error)
      await sleep(clock, backoffMs(random, failures++, AGAIN_BASE_MS, AGAIN_CAP_MS), until)
    }
  }
}

async function handOverBatch(
  { consumer, inbox, device, whoIsWho }: HandingOver,
  until: AbortSignal,
): Promise<void> {
  const batch = (await inbox.waiting(until)).slice(0, BATCH_MAX)
  const messages: ReceivedMessage[] = []
  // one after the other: by which name a person is told depends on those before
  for (const kept of batch) {
    const message = await messageOf(kept, whoIsWho)
    if (message) messages.push(message)
  }
  if (messages.length > 0) await consumer.take(device, messages)
  if (batch.length > 0) await inbox.take(batch.map(({ hash }) => hash))
}
