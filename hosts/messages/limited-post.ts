/** One POST to an address that the operator has named, whose answer is not trusted: its status is all that counts, and
 *  what else it says costs neither memory nor time. Redirects are answers like any other; nothing is decompressed. */
import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'

/** Of status line and headers together. */
const HEADER_BYTES_MAX = 16 * 1024
/** Answers of status 1xx before the one that counts. */
const PRELIMINARY_MAX = 8
/** Read of a body, so that its connection can be used again; with a longer one it is closed. */
export const BODY_BYTES_MAX = 4 * 1024
const BODY_MS_MAX = 500
const CONNECTIONS_MAX = 512
/** A connection that rests for longer is closed: most applications close it after 5 s, and a request that met that is lost. */
const REST_MS_MAX = 4000

export interface LimitedPost {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** From the begin until the headers of the answer are there. */
  readonly answerMsMax: number
}

/** @returns the status of the answer
 *  @throws Error that says in words why there is none, and nothing of the address or of what was sent */
export type PostLimited = (post: LimitedPost) => Promise<number>

/** Connections are kept from one call to the next. */
export function limitedPosts(): PostLimited {
  const options = { keepAlive: true, maxSockets: CONNECTIONS_MAX, timeout: REST_MS_MAX }
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
      if (preliminary > PRELIMINARY_MAX) request.destroy(new Error('it says only what is preliminary'))
    })
    // An answer that changes the protocol comes by no other event, and Node drops its connection without an error.
    request.on('upgrade', (_, socket) => {
      socket.destroy()
      reject(new Error('it wants to speak another protocol'))
    })
    // Also after the answer: a connection that breaks later has nothing more to say.
    request.on('error', reject)
    request.end(body)
  })
}

/** Reads the body if it is short and comes soon; otherwise its connection is closed. The status has said everything. */
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

/** The code of the error where it has one: its words may hold the address. */
function reasonOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message
}
