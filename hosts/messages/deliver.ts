/** Delivers the messages in the inbox of one device to the application: first those that an earlier socket
 *  left, then each one that comes. Batches follow each other, so that the order stays. A batch that fails is
 *  offered again.
 *
 *  This room takes messages from the inbox to the application. The connection of a device calls `deliver` for
 *  as long as its socket lives. Nothing here may forget a message that the application has not taken. */
import { type Clock, sleep } from '../../core/clock.ts'
import type { DeviceId } from '../../core/ids.ts'
import { backoffMs, type Random } from '../../core/random.ts'
import type { Inbox } from '../auth-state/inbox.ts'
import type { WhoIsWho } from '../auth-state/who-is-who.ts'
import type { ReceivedMessage } from '../whatsapp/received-message.ts'
import { messageOf } from '../whatsapp/received-message.ts'
import type { Consumer } from './consumer.ts'

/** An application that takes a part of a batch and then fails gets that part again, so a batch is small. */
const BATCH_MAX = 8
const AGAIN_BASE_MS = 500
const AGAIN_CAP_MS = 30_000

export interface Delivery {
  readonly clock: Clock
  readonly random: Random
  readonly consumer: Consumer
  readonly inbox: Inbox
  readonly device: DeviceId
  readonly whoIsWho: WhoIsWho
  /** Called when the application or the store failed; the batch is offered again. */
  readonly failed: (error: unknown) => void
}

/** Ends when `until` is aborted, that is when the socket is closed and its inbox with it. It never
 *  rejects. */
export async function deliver(delivery: Delivery, until: AbortSignal): Promise<void> {
  const { clock, random } = delivery
  // core/retry.ts does not fit: an error after the abort must end this loop without a rejection and without
  // another wait.
  let failures = 0
  while (!until.aborted) {
    try {
      await deliverBatch(delivery, until)
      failures = 0
    } catch (error) {
      if (until.aborted) return
      delivery.failed(error)
      await sleep(clock, backoffMs(random, failures++, AGAIN_BASE_MS, AGAIN_CAP_MS), until)
    }
  }
}

async function deliverBatch(
  { consumer, inbox, device, whoIsWho }: Delivery,
  until: AbortSignal,
): Promise<void> {
  const batch = (await inbox.waiting(until)).slice(0, BATCH_MAX)
  const messages: ReceivedMessage[] = []
  // Messages are read in turn: the name by which a person is told depends on the messages before.
  for (const kept of batch) {
    const message = await messageOf(kept, whoIsWho)
    if (message) messages.push(message)
  }
  if (messages.length > 0) await consumer.take(device, messages)
  if (batch.length > 0) await inbox.take(batch.map(({ hash }) => hash))
}
