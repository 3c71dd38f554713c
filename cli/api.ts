/** The API as the commands call it. Every request ends in time, every refusal is an error with its code, and
 *  the answers have the types of their routes. */
import { type Clock, sleep } from '../core/clock.ts'
import { Interrupted, Refused, Unreachable } from './failures.ts'
import { plain, shortened } from './words.ts'

/** The longest route waits 8 s for a pairing code. */
const REQUEST_MS_MAX = 20_000
/** Reads change nothing, so a failed read is repeated this often, after a pause that doubles. */
const READ_AGAIN_MAX = 3
const READ_AGAIN_AFTER_MS = 300
/** A refusal is a code and a few sentences. The answer of something else may be a whole page. */
const CODE_CHARACTERS_MAX = 80
const MESSAGE_CHARACTERS_MAX = 1000

/** The longest answer is a page of 1,000 devices, some 2 MB. */
const ANSWER_BYTES_MAX = 16_000_000

export type Query = Readonly<Record<string, string | undefined>>

export interface Api {
  readonly url: string
  get<T>(path: string, query?: Query): Promise<T>
  post<T>(path: string, body: object, query?: Query): Promise<T>
  delete<T>(path: string): Promise<T>
  /** Time of day at the API, as its last answer gave it, in ms since 1970. This machine's clock may
   *  differ. */
  nowMs(): number
}

export interface ApiOptions {
  readonly url: string
  /** Without a key only the public routes answer. */
  readonly key: string | undefined
  readonly clock: Clock
  readonly stop: AbortSignal
}

type Method = 'GET' | 'POST' | 'DELETE'

export function connectApi({ url, key, clock, stop }: ApiOptions): Api {
  let aheadMs = 0

  async function call<T>(method: Method, path: string, query: Query = {}, body?: object): Promise<T> {
    for (let again = 0; ; again++) {
      try {
        return (await callOnce(method, target(url, path, query), body)) as T
      } catch (error) {
        const isPassing = error instanceof Unreachable || (error instanceof Refused && isBusy(error))
        if (method !== 'GET' || !isPassing || again === READ_AGAIN_MAX) throw error
        await sleep(clock, READ_AGAIN_AFTER_MS * 2 ** again, stop)
      }
    }
  }

  async function callOnce(method: Method, to: string, body: object | undefined): Promise<unknown> {
    if (stop.aborted) throw new Interrupted()
    let response: Response
    let text: string
    try {
      response = await fetch(to, {
        method,
        headers: {
          accept: 'application/json',
          ...(key ? { 'x-api-key': key } : {}),
          ...(body ? { 'content-type': 'application/json' } : {}),
        },
        // The key would be sent to wherever a redirection leads.
        redirect: 'manual',
        signal: AbortSignal.any([stop, AbortSignal.timeout(REQUEST_MS_MAX)]),
        ...(body ? { body: JSON.stringify(body) } : {}),
      })
      text = await textWithin(response)
    } catch (error) {
      throw stop.aborted ? new Interrupted() : unreachable(url, error)
    }
    const toldMs = Date.parse(response.headers.get('date') ?? '')
    if (!Number.isNaN(toldMs)) aheadMs = toldMs - clock.wallMs()
    return read(url, response.status, text)
  }

  return {
    url,
    get: (path, query) => call('GET', path, query),
    post: (path, body, query) => call('POST', path, query, body),
    delete: (path) => call('DELETE', path),
    nowMs: () => clock.wallMs() + aheadMs,
  }
}

/** @throws Error when the answer is longer than any of the API's */
async function textWithin(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  // Leaving the loop ends the connection.
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > ANSWER_BYTES_MAX) throw new Error('its answer is longer than any of the API')
    chunks.push(chunk)
  }
  return new TextDecoder().decode(Buffer.concat(chunks))
}

function target(url: string, path: string, query: Query): string {
  const given = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined)
  return `${url}${path}${given.length ? `?${new URLSearchParams(given)}` : ''}`
}

/** @throws Refused | Unreachable */
function read(url: string, status: number, text: string): unknown {
  const answer = parse(text)
  if (answer === undefined) {
    throw new Unreachable(
      `${url} answered with HTTP ${status}, but not as Mooring's API does. Check --url or MOORING_URL.`,
    )
  }
  if (status < 300) return answer
  const { code, message } = answer as { code?: unknown; message?: unknown }
  // API Gateway's own answers have no code, for example when it cuts a request off.
  const known = typeof code === 'string' ? code : `HTTP_${status}`
  const words = typeof message === 'string' ? message : text
  throw foreignRefusal(known, words)
}

/** What something at another URL has said, short enough to be read. */
export function foreignRefusal(code: string, message: string): Refused {
  return new Refused(
    shortened(plain(code), CODE_CHARACTERS_MAX),
    shortened(plain(message), MESSAGE_CHARACTERS_MAX),
  )
}

function parse(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

function isBusy({ code }: Refused): boolean {
  return code === 'STORE_BUSY' || code === 'HTTP_503'
}

function unreachable(url: string, error: unknown): Unreachable {
  const why = isTimeout(error) ? `no answer within ${REQUEST_MS_MAX / 1000} s` : causeOf(error)
  return new Unreachable(
    `${url} cannot be reached: ${why}. Check that the URL is right (--url or MOORING_URL) and that the API runs ` +
      'there. On this machine `npm start` runs it.',
  )
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError'
}

/** `fetch` says only "fetch failed" and keeps the reason in the cause. When it has tried two addresses,
 *  each has a cause of its own. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof AggregateError && error.errors.length > 0) return causeOf(error.errors[0])
  if (error.cause !== undefined) return causeOf(error.cause)
  return error.message
}
