/** Hands messages to the application by a webhook: one signed POST for each message. A 2xx says that the
 *  application has it. */
import type { Clock } from '../../core/clock.ts'
import type { DeviceId } from '../../core/ids.ts'
import type { Random } from '../../core/random.ts'
import { signatureHeaders } from '../../core/request-signature.ts'
import { jittered, retry } from '../../core/retry.ts'
import type { ReceivedMessage } from '../whatsapp/received-message.ts'
import type { Consumer } from './consumer.ts'
import { limitedPosts, type PostLimited } from './limited-post.ts'

const ANSWER_MS_MAX = 10_000
/** After this many tries the error goes to the caller, which offers the message again later. */
const TRIES_MAX = 3
const BACKOFF = { baseMs: 200, capMs: 2000 }

export interface Webhook {
  readonly url: string
  readonly secret: string
  readonly clock: Clock
  readonly random: Random
  /** 10 s when left out. */
  readonly answerMsMax?: number
}

export function webhookConsumer(webhook: Webhook): Consumer {
  const postLimited = limitedPosts()
  return {
    async take(device, messages) {
      for (const message of messages) await deliverOne(webhook, postLimited, device, message)
    },
  }
}

/** @throws Error that tells the application's answer, and nothing of the message */
async function deliverOne(
  webhook: Webhook,
  postLimited: PostLimited,
  deviceId: DeviceId,
  message: ReceivedMessage,
): Promise<void> {
  const { clock, random } = webhook
  const body = JSON.stringify({ deviceId, ...message })
  const waitMs = jittered(random, BACKOFF)
  return retry(() => post(webhook, postLimited, body), { clock, waitMs, triesMax: TRIES_MAX })
}

async function post(
  { url, secret, clock, answerMsMax = ANSWER_MS_MAX }: Webhook,
  postLimited: PostLimited,
  body: string,
): Promise<void> {
  const signed = signatureHeaders(secret, body, clock.wallMs())
  const headers = { 'content-type': 'application/json', ...signed }
  const status = await postLimited({ url, headers, body, answerMsMax }).catch((error: Error) => {
    throw new Error(`the application did not take it: ${error.message}`)
  })
  if (status < 200 || status > 299) throw new Error(`the application answered ${status}`)
}
