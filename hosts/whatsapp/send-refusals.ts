/** Reads WhatsApp's refusal of a message: the `error` of its ack in words, and whether it is final. */
import { MooringError } from '../../core/errors.ts'

/** The codes whose meaning is known, from Baileys or from WhatsApp's behaviour. */
export const SEND_CODES: Readonly<Record<number, string>> = {
  400: 'it does not take the message as it is',
  401: 'the device may not send',
  403: 'the account may not write there',
  404: 'it does not know the recipient',
  405: 'it does not allow this kind of message',
  408: 'it did not deal with it in time',
  425: 'it is too early',
  429: 'the account sends too much at once',
  463: 'the account may not begin chats for a while, or the contact has not let it write',
  475: 'the account may not begin chats for a while',
  479: 'the message is addressed to a device that the contact no longer has',
  500: 'it had an error of its own',
  503: 'it is not available at the moment',
}

/** These codes pass by themselves, although they begin with 4. */
const PASSING = new Set([408, 425, 429])
const CODE = /^\d{3}$/

/** WhatsApp did not take the message this time, and may take it a moment later under the same id. */
interface Postponed extends Error {
  readonly sendCode: string
}

/** @param error the attribute of the ack
 *  @returns SEND_REFUSED for a final refusal, a 4xx that does not pass. Any other error asks for another
 *  try */
export function refusalOfSend(messageId: string, error: string): MooringError | Postponed {
  const code = CODE.test(error) ? Number(error) : undefined
  const words = code === undefined ? undefined : SEND_CODES[code]
  const said = `${words ?? 'for a reason that Mooring does not know'} (${CODE.test(error) ? error : 'no code'})`
  if (code !== undefined && code >= 400 && code < 500 && !PASSING.has(code)) {
    const facts = { messageId, whatsAppCode: code }
    return new MooringError('SEND_REFUSED', `WhatsApp does not take message ${messageId}: ${said}`, facts)
  }
  return Object.assign(new Error(`WhatsApp postpones message ${messageId}: ${said}`), { sendCode: said })
}

/** The answer to the last try, as the end of the sentence that says that no further try follows. */
export function whyPostponed(error: unknown): string {
  return error instanceof Error && 'sendCode' in error ? ` and answered last: ${error.sendCode}` : ''
}
