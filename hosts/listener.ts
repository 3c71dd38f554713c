/** The server's own HTTP endpoint: the doorbell, messages to send, and health for ECS and load balancers. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Clock } from '../core/clock.ts'
import { type SignedRing, verifyDoorbell } from '../core/doorbell-signature.ts'
import type { Random } from '../core/random.ts'
import type { Telemetry } from '../core/telemetry.ts'
import { answerSend, deviceOfSend, SEND_BYTES_MAX } from './outgoing-requests.ts'
import { pageRefusal } from './page-requests.ts'
import type { RunningServer } from './server.ts'

const RING_BYTES_MAX = 4096
const REQUEST_MS_MAX = 5000

export interface Listener {
  readonly port: number
  close(): Promise<void>
}

export interface ListenerOptions {
  readonly host: string
  readonly port: number
  readonly doorbellSecret: string
  /** Without it nothing can be sent through this endpoint. */
  readonly messagesSecret?: string | undefined
  readonly clock: Clock
  readonly random: Random
  readonly telemetry: Telemetry
}

/** @throws when the port is taken */
export async function listen(
  options: ListenerOptions,
  server: () => Pick<RunningServer, 'ring' | 'health' | 'serverId' | 'send'> | undefined,
): Promise<Listener> {
  const http = createServer((request, response) => {
    const answer = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
    // Everybody here is a program, and asks by an address: a name could be one that a page has made point here.
    const refusal = pageRefusal(request, { host: 'address', port: 'any' })
    if (refusal) return answer(refusal.status, { code: refusal.code, message: refusal.message })
    route(request).then(
      ([status, body]) => answer(status, body),
      () => answer(400, { code: 'BAD_REQUEST', message: 'the request could not be read' }),
    )
  })
  http.requestTimeout = REQUEST_MS_MAX
  http.headersTimeout = REQUEST_MS_MAX

  async function route(request: IncomingMessage): Promise<[number, object]> {
    const running = server()
    if (request.method === 'GET' && request.url === '/health') {
      const health = running?.health()
      return health?.leaseValid ? [200, health] : [503, health ?? { leaseValid: false }]
    }
    if (request.method === 'POST' && request.url === '/doorbell') return ringing(request, running)
    const device = deviceOfSend(request.method, request.url)
    if (device && options.messagesSecret) {
      const body = await readBody(request, SEND_BYTES_MAX)
      const { clock, random, messagesSecret: secret } = options
      const asked = { device, path: request.url ?? '', body, ...signatureOf(request) }
      return answerSend({ secret, clock, random }, running, asked)
    }
    return [404, { code: 'ROUTE_NOT_FOUND', message: 'a server answers GET /health and POST /doorbell' }]
  }

  async function ringing(
    request: IncomingMessage,
    running: ReturnType<typeof server>,
  ): Promise<[number, object]> {
    const body = await readBody(request, RING_BYTES_MAX)
    if (!verifyDoorbell(options.doorbellSecret, signatureOf(request), body, options.clock.wallMs())) {
      options.telemetry.emit('doorbell.refused', { why: 'the signature does not fit' })
      return [401, { code: 'API_KEY_UNKNOWN', message: 'the signature does not fit' }]
    }
    running?.ring()
    return [202, { serverId: running?.serverId }]
  }

  await started(http, options.port, options.host)
  return {
    port: (http.address() as AddressInfo).port,
    async close() {
      http.closeAllConnections()
      await new Promise<void>((resolve) => http.close(() => resolve()))
    },
  }
}

function started(http: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once('error', reject)
    http.listen(port, host, resolve)
  })
}

function signatureOf({ headers }: IncomingMessage): SignedRing {
  return {
    time: String(headers['x-mooring-time'] ?? ''),
    signature: String(headers['x-mooring-signature'] ?? ''),
  }
}

async function readBody(request: IncomingMessage, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > bytesMax) throw new RangeError('the body is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
