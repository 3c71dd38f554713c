/**
 * The Invoke operation of the Lambda service on this machine, so that the SDK's client works against it. The
 * control plane's process and tests start it; servers and functions call it through AWS_ENDPOINT_URL_LAMBDA.
 * It must never run more events at the same time than EVENTS_AT_ONCE: the others wait in line, as they do at
 * Lambda.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { FUNCTION_NAMES, type FunctionName } from '../../lambdas/functions.ts'
import { LOCAL_CREDENTIALS } from '../database.ts'
import { type Credentials, signatureFault } from '../signed-requests.ts'
import { invoke, type LocalFunctions, localFunctionName } from './functions.ts'
import { type HttpServer, readBody, sendJson, startHttpServer } from './http-server.ts'

const INVOCATION_PATH = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/
const PAYLOAD_BYTES_MAX = { RequestResponse: 6 * 1024 * 1024, Event: 1024 * 1024 }
/** How many events run at the same time; more events wait in line. */
const EVENTS_AT_ONCE = 10
const EVENTS_WAITING_MAX = 10_000

export interface LambdaEndpoint extends HttpServer {
  /** Resolves when no event runs or waits. */
  idle(): Promise<void>
}

interface Invocation {
  readonly name: FunctionName
  readonly event: unknown
}

/** @param failed gets each error of a function that was invoked by an event, because no caller waits for it
 *  @param credentials with which every request must be signed, because a function trusts its event */
export async function startLambdaEndpoint(
  functions: LocalFunctions,
  failed: (name: FunctionName, error: unknown) => void,
  { port = 0, credentials = LOCAL_CREDENTIALS }: { port?: number; credentials?: Credentials } = {},
): Promise<LambdaEndpoint> {
  const waiting: Invocation[] = []
  const running = new Set<Promise<void>>()
  let closing = false

  function runNext(): void {
    const next = running.size < EVENTS_AT_ONCE && !closing ? waiting.shift() : undefined
    if (!next) return
    const run = invoke(functions, next.name, next.event).then(
      () => undefined,
      (error: unknown) => failed(next.name, error),
    )
    running.add(run)
    void run.then(() => {
      running.delete(run)
      runNext()
    })
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = await readInvocation(request, credentials)
    if ('status' in asked) return refuse(response, asked)
    if (asked.type === 'DryRun') return void response.writeHead(204).end()
    if (asked.type === 'RequestResponse') return respond(response, asked)
    if (waiting.length >= EVENTS_WAITING_MAX) {
      return refuse(response, { status: 429, type: 'TooManyRequestsException', says: 'Rate Exceeded.' })
    }
    waiting.push(asked)
    response.writeHead(202, { 'x-amzn-requestid': randomUUID() }).end()
    runNext()
  }

  async function respond(response: ServerResponse, { name, event }: Invocation): Promise<void> {
    const headers = { 'x-amzn-requestid': randomUUID(), 'x-amz-executed-version': '$LATEST' }
    try {
      sendJson(response, 200, (await invoke(functions, name, event)) ?? null, headers)
    } catch (error) {
      const { name: errorType, message: errorMessage } =
        error instanceof Error ? error : new Error(String(error))
      const unhandled = { ...headers, 'x-amz-function-error': 'Unhandled' }
      sendJson(response, 200, { errorType, errorMessage, trace: [] }, unhandled)
    }
  }

  const server = await startHttpServer(port, answer)
  const idle = async () => {
    while (running.size > 0) await Promise.all(running)
  }
  return {
    port: server.port,
    idle,
    async close() {
      closing = true
      waiting.length = 0
      await server.close()
      await idle()
    },
  }
}

interface Refused {
  readonly status: number
  readonly type: string
  readonly says: string
}

type InvocationType = 'RequestResponse' | 'Event' | 'DryRun'

async function readInvocation(
  request: IncomingMessage,
  credentials: Credentials,
): Promise<(Invocation & { readonly type: InvocationType }) | Refused> {
  const invalid = (says: string) => ({ status: 400, type: 'InvalidParameterValueException', says })
  const type = String(request.headers['x-amz-invocation-type'] ?? 'RequestResponse')
  if (type !== 'RequestResponse' && type !== 'Event' && type !== 'DryRun') {
    return invalid(`no invocation type ${type}`)
  }
  const bytesMax = PAYLOAD_BYTES_MAX[type === 'Event' ? 'Event' : 'RequestResponse']
  const body = await readBody(request, bytesMax)
  if (!body) {
    return { status: 413, type: 'RequestTooLargeException', says: `a payload may have ${bytesMax} bytes` }
  }
  const fault = signatureFault(request, body, 'lambda', credentials)
  if (fault) return { status: 403, ...fault }
  const [path = ''] = (request.url ?? '').split('?')
  const asked = request.method === 'POST' ? INVOCATION_PATH.exec(path)?.[1] : undefined
  const name = asked === undefined ? undefined : functionNamed(decodeURIComponent(asked))
  if (!name) {
    return { status: 404, type: 'ResourceNotFoundException', says: `Function not found: ${asked ?? path}` }
  }
  try {
    return { name, type, event: body.length > 0 ? JSON.parse(body.toString('utf8')) : {} }
  } catch {
    return { status: 400, type: 'InvalidRequestContentException', says: 'the payload is not JSON' }
  }
}

/** A request names a function by its name or its ARN, each with or without a version. */
function functionNamed(text: string): FunctionName | undefined {
  const inArn = /^arn:[^:]*:lambda:[^:]*:[^:]*:function:([^:]+)/.exec(text)?.[1]
  const asked = inArn ?? text.split(':')[0]
  return FUNCTION_NAMES.find((name) => localFunctionName(name) === asked)
}

function refuse(response: ServerResponse, { status, type, says }: Refused): void {
  sendJson(response, status, { Type: 'User', Message: says }, { 'x-amzn-errortype': type })
}
