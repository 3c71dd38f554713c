/** What an application may ask of the server that holds a device: to send a text. Signed like a doorbell, with the
 *  secret of the messages and over path and body, so that a request cannot be played again for another device. */
import * as z from 'zod'
import type { Clock } from '../core/clock.ts'
import { verifyDoorbell } from '../core/doorbell-signature.ts'
import { ERROR_STATUS, isMooringError } from '../core/errors.ts'
import { type DeviceId, ID_FORM } from '../core/ids.ts'
import type { Random } from '../core/random.ts'
import { jidOf } from './sending.ts'
import type { RunningServer } from './server.ts'

/** WhatsApp takes texts of up to 65,536 characters. */
const TEXT_CHARACTERS_MAX = 65_536
export const SEND_BYTES_MAX = 400_000
const PATH = /^\/devices\/([^/?]+)\/messages$/

const wish = z.strictObject({
  to: z
    .string()
    .transform(jidOf)
    .refine((jid) => /^[\w.:-]+@(s\.whatsapp\.net|lid|g\.us)$/.test(jid), 'is a phone number or a jid'),
  text: z.string().min(1).max(TEXT_CHARACTERS_MAX),
  messageId: z
    .string()
    .regex(/^[A-Za-z0-9-]{8,64}$/, 'is 8 to 64 letters, digits and hyphens')
    .optional(),
})

/** The device that a path is about, if it asks for a send. */
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

/** @returns the answer, an error's code and words included */
export async function answerSend(
  { secret, clock, random }: { secret: string; clock: Clock; random: Random },
  server: Pick<RunningServer, 'send'> | undefined,
  { device, path, body, ...signed }: SendRequest,
): Promise<Answer> {
  if (!verifyDoorbell(secret, signed, `${path}\n${body}`, clock.wallMs())) {
    return [401, { code: 'API_KEY_UNKNOWN', message: 'the signature does not fit' }]
  }
  const read = wish.safeParse(jsonOf(body))
  if (!read.success) return [400, { code: 'BAD_REQUEST', message: z.prettifyError(read.error) }]
  const { to, text, messageId = `3EB0${random.id().toUpperCase()}` } = read.data
  try {
    if (!server) return [503, { code: 'STORE_BUSY', message: 'the server is starting' }]
    await server.send(device, { to, text, messageId })
    return [200, { messageId }]
  } catch (error) {
    if (!isMooringError(error))
      return [500, { code: 'INTERNAL', message: 'see the log of the server', messageId }]
    return [ERROR_STATUS[error.code], { code: error.code, message: error.message, messageId }]
  }
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
