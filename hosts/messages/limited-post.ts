/** Sends one POST to an address that the operator has named, and does not trust the answer. Its status alone
 *  counts. The rest of the answer may cost neither memory nor time: redirects are not followed, and nothing
 *  is decompressed. */
import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'

/** The status line and the headers together. */
const HEADER_BYTES_MAX = 16 * 1024
/** The most answers of status 1xx before the final one. */
const PRELIMINARY_MAX = 8
/** A body up to this is read, so that its connection can be used again. A longer one closes the
 *  connection. */
export const BODY_BYTES_MAX = 4 * 1024
const BODY_MS_MAX = 500
const CONNECTIONS_MAX = 512
/** A connection that is idle for longer is closed. Most applications close it after 5 s, and a request sent
 *  at that moment would be lost. */
const IDLE_MS_MAX = 4000

export interface LimitedPost {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** From the start of the request until the headers of the answer have come. */
  readonly answerMsMax: number
}

/** @returns the status of the answer
 *  @throws Error that says why there is no answer, and shows nothing of the address or of the request */
export type PostLimited = (post: LimitedPost) => Promise<number>

/** Keeps connections from one call to the next. */
export function limitedPosts(): PostLimited {
  const options = { keepAlive: true, maxSockets: CONNECTIONS_MAX, timeout: IDLE_MS_MAX }
  const plain = new HttpAgent(options)
  const secure = new HttpsAgent(options)

  return async ({ url, headers, body, answerMsMax }) => {
    const target = new URL(url)
    const isSecure = target.protocol === 'https:'
    const late = AbortSignal.timeout(answerMsMax)
    const wanted: RequestOptions = {
      method: 'POST',
      agent: isSecure ? secure : plain,
      headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
      maxHeaderSize: HEADER_BYTES_MAX,
      signal: late,
    }
    const answer = await answerTo(isSecure ? httpsRequest : httpRequest, target, wanted, body).catch(
      (error: Error) => {
        throw new Error(
          late.aborted ? `no answer within ${answerMsMax} ms` : `it cannot be reached: ${reasonOf(error)}`,
        )
      },
    )
    await readLittle(answer)
    return answer.statusCode ?? 0
  }
}

function answerTo(
  send: typeof httpRequest,
  target: URL,
  wanted: RequestOptions,
  body: string,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = send(target, wanted, resolve)
    let preliminary = 0
    request.on('information', () => {
      preliminary += 1
      if (preliminary > PRELIMINARY_MAX)
        request.destroy(new Error('it answers only with preliminary statuses'))
    })
    // An answer that changes the protocol comes by this event alone, and Node drops its connection without an
    // error.
    request.on('upgrade', (_, socket) => {
      socket.destroy()
      reject(new Error('it wants to speak another protocol'))
    })
    // It also hears errors after the answer, which then change nothing.
    request.on('error', reject)
    request.end(body)
  })
}

/** Reads the body if it is short and comes soon; otherwise closes the connection. The status has said
 *  everything. */
function readLittle(answer: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    const late = AbortSignal.timeout(BODY_MS_MAX)
    let bytes = 0
    const close = () => answer.destroy()
    const done = () => {
      late.removeEventListener('abort', close)
      resolve()
    }
    late.addEventListener('abort', close)
    answer.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > BODY_BYTES_MAX) close()
    })
    answer.on('error', () => undefined)
    answer.on('close', done)
  })
}

/** @returns the code of the error if it has one, since its message may hold the address */
function reasonOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message
}
