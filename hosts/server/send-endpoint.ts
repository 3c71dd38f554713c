/** Lets an application send a text through the server that holds the device. The request is signed with the
 *  secret of the messages, over path and body: it cannot be replayed for another device. A replay for the
 *  same device sends nothing new, since the message has the same id at every server. */
import { createHash } from 'node:crypto'
import * as z from 'zod'
import type { Clock, Mark } from '../../core/clock.ts'
import { isMooringError } from '../../core/errors.ts'
import { type DeviceId, ID_FORM } from '../../core/ids.ts'
import { recipientFault } from '../../core/recipient.ts'
import { RING_AGE_MS_MAX, verifyDoorbell } from '../../core/request-signature.ts'
import { jidOf } from '../whatsapp/jid.ts'
import type { RunningServer } from './server.ts'
import { isServerCode, SERVER_STATUS, type ServerCode } from './statuses.ts'

/** WhatsApp takes texts of up to 65,536 characters. */
const TEXT_CHARACTERS_MAX = 65_536
export const SEND_BYTES_MAX = 400_000
/** Requests that are remembered, so that a replay does not even reach WhatsApp. */
const REMEMBERED_MAX = 10_000
/** A signature is accepted from a minute before its time until a minute after. */
const REMEMBERED_MS = 2 * RING_AGE_MS_MAX
export const SIGNATURE_MISFIT = `the signature does not fit, or its time is more than ${RING_AGE_MS_MAX / 1000} s off`
const PATH = /^\/devices\/([^/?]+)\/messages$/

const requestBody = z.strictObject({
  to: z.string().transform((to, context) => {
    const fault = recipientFault(to)
    if (fault !== undefined) context.addIssue(fault)
    return jidOf(to)
  }),
  text: z.string().min(1).max(TEXT_CHARACTERS_MAX),
  messageId: z
    .string()
    .regex(/^[A-Za-z0-9-]{8,64}$/, 'is 8 to 64 letters, digits and hyphens')
    .optional(),
})

/** @returns the device of a request to send; undefined for every other request */
export function deviceOfSend(method: string | undefined, path: string | undefined): DeviceId | undefined {
  const [, id] = (method === 'POST' && PATH.exec(path ?? '')) || []
  return id !== undefined && ID_FORM.test(id) ? (id as DeviceId) : undefined
}

export interface SendRequest {
  readonly device: DeviceId
  readonly path: string
  readonly body: string
  readonly time: string
  readonly signature: string
}

type Answer = [status: number, body: object]

type Sender = Pick<RunningServer, 'send'> | undefined

export interface SendEndpoint {
  /** @returns the answer; errors are answers, too, and none is thrown */
  answer(server: Sender, request: SendRequest): Promise<Answer>
}

export function createSendEndpoint(secret: string, clock: Clock): SendEndpoint {
  const remembered = new Map<string, { readonly answer: Promise<Answer>; readonly since: Mark }>()

  function remember(signature: string, answer: Promise<Answer>): void {
    for (const [oldest, { since }] of remembered) {
      if (remembered.size < REMEMBERED_MAX && clock.elapsedMs(since) < REMEMBERED_MS) break
      remembered.delete(oldest)
    }
    remembered.set(signature, { answer, since: clock.mark() })
  }

  return {
    async answer(server, request) {
      const { path, body, time, signature } = request
      if (!verifyDoorbell(secret, { time, signature }, `${path}\n${body}`, clock.wallMs())) {
        return refused('SIGNATURE_INVALID', SIGNATURE_MISFIT)
      }
      const known = remembered.get(signature)
      if (known) return known.answer
      const answer = send(server, request)
      remember(signature, answer)
      const settled = await answer
      // The application may repeat a request that has failed, exactly as it was.
      if (settled[0] !== 200) remembered.delete(signature)
      return settled
    },
  }
}

async function send(server: Sender, { device, body, signature }: SendRequest): Promise<Answer> {
  const read = requestBody.safeParse(jsonOf(body))
  if (!read.success) return refused('BAD_REQUEST', z.prettifyError(read.error))
  const { to, text, messageId = idFrom(signature) } = read.data
  if (!server) return refused('SERVER_STARTING', 'the server is starting: try again in a moment')
  try {
    await server.send(device, { to, text, messageId })
    return [200, { messageId }]
  } catch (error) {
    if (isMooringError(error) && isServerCode(error.code)) {
      return [SERVER_STATUS[error.code], { code: error.code, message: error.message, messageId }]
    }
    return [SERVER_STATUS.INTERNAL, { code: 'INTERNAL', message: 'see the log of the server', messageId }]
  }
}

/** Each request has its own message id, and a replay has the same: the signature is over time, device and
 *  body. */
function idFrom(signature: string): string {
  return `3EB0${createHash('sha256').update(signature).digest('hex').slice(0, 16).toUpperCase()}`
}

export function refused(code: ServerCode, message: string): Answer {
  return [SERVER_STATUS[code], { code, message }]
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
