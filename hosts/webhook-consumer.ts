/** Hands messages to the operator's application: one signed POST for each. A 2xx says that the application has it. */
import { type Clock, sleep } from '../core/clock.ts'
import { signatureHeaders } from '../core/doorbell-signature.ts'
import type { DeviceId } from '../core/ids.ts'
import { backoffMs, type Random } from '../core/random.ts'
import type { Consumer, ReceivedMessage } from './consumer.ts'

const ANSWER_MS_MAX = 10_000
/** Then the caller is told; it asks again later. */
const TRIES_MAX = 3
const AGAIN_BASE_MS = 200
const AGAIN_CAP_MS = 2000

export interface Webhook {
  readonly url: string
  readonly secret: string
  readonly clock: Clock
  readonly random: Random
}

export function webhookConsumer(webhook: Webhook): Consumer {
  return {
    async take(device, messages) {
      for (const message of messages) await deliver(webhook, device, message)
    },
  }
}

/** @throws Error that says what the application answered, and nothing of the message */
async function deliver(webhook: Webhook, deviceId: DeviceId, message: ReceivedMessage): Promise<void> {
  const { clock, random } = webhook
  const body = JSON.stringify({ deviceId, ...message })
  for (let tries = 1; ; tries++) {
    try {
      return await post(webhook, body)
    } catch (error) {
      if (tries >= TRIES_MAX) throw error
      await sleep(clock, backoffMs(random, tries, AGAIN_BASE_MS, AGAIN_CAP_MS))
    }
  }
}

async function post({ url, secret, clock }: Webhook, body: string): Promise<void> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...signatureHeaders(secret, body, clock.wallMs()) },
    body,
    redirect: 'error',
    signal: AbortSignal.timeout(ANSWER_MS_MAX),
  })
  // read to its end, so that the connection can be used again
  await answer.arrayBuffer()
  if (!answer.ok) throw new Error(`the application answered ${answer.status}`)
}
