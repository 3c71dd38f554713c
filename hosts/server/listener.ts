/** The HTTP endpoint of a server: the doorbell, requests to send a text, and its health for ECS and load
 *  balancers. */
import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { EventName } from '../../core/catalogue.ts'
import type { Clock } from '../../core/clock.ts'
import { type SignedRing, verifyDoorbell } from '../../core/request-signature.ts'
import type { Telemetry } from '../../core/telemetry.ts'
import { type BoundedTelling, boundedTelling } from './bounded-telling.ts'
import { type ConnectionLimits, createLimitedServer, type Dropped } from './connection-limits.ts'
import { pageRefusal } from './page-requests.ts'
import {
  createSendEndpoint,
  deviceOfSend,
  refused,
  SEND_BYTES_MAX,
  SIGNATURE_MISFIT,
} from './send-endpoint.ts'
import type { RunningServer } from './server.ts'
import { SERVER_STATUS } from './statuses.ts'

const RING_BYTES_MAX = 4096
/** Doorbells and health checks come from few addresses and last milliseconds. A send lasts as long as
 *  WhatsApp takes. */
const LIMITS: ConnectionLimits = {
  headersMsMax: 5000,
  requestMsMax: 5000,
  headerBytesMax: 8192,
  connectionsMax: 512,
  connectionsOfOneRemoteMax: 256,
}

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
  readonly telemetry: Telemetry
}

/** @throws when the port is taken */
export async function listen(
  options: ListenerOptions,
  server: () => Pick<RunningServer, 'ring' | 'health' | 'serverId' | 'send'> | undefined,
): Promise<Listener> {
  const { clock, telemetry, messagesSecret } = options
  const refusedRings = boundedTelling(clock, refusalTeller('doorbell.refused'))
  const refusedSends = boundedTelling(clock, refusalTeller('send.refused'))
  const sendEndpoint = messagesSecret === undefined ? undefined : createSendEndpoint(messagesSecret, clock)
  const drops = new Map<Dropped, BoundedTelling>()

  function dropped(why: Dropped): void {
    const telling =
      drops.get(why) ??
      boundedTelling(clock, (count) =>
        telemetry.emit('connection.dropped', { why, count }, { ConnectionsDropped: count }),
      )
    drops.set(why, telling)
    telling.count()
  }

  function refusalTeller(event: EventName) {
    const why = 'the signature does not fit'
    return (count: number) => telemetry.emit(event, { why, count }, { RequestsRefused: count })
  }

  const http = createLimitedServer(
    LIMITS,
    (request, response) => {
      const answer = (status: number, body: object) => {
        // The rest of the request is not waited for.
        if (!request.complete) response.setHeader('connection', 'close')
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
      }
      // Programs alone ask here, and they ask by an address. A page can make a name of its own point here,
      // but no address.
      const refusal = pageRefusal(request, { host: 'address', port: 'any' })
      if (refusal) {
        answer(refusal.status, { code: refusal.code, message: refusal.message })
        return
      }
      route(request).then(
        ([status, body]) => answer(status, body),
        () => answer(400, { code: 'BAD_REQUEST', message: 'the request could not be read' }),
      )
    },
    dropped,
  )

  async function route(request: IncomingMessage): Promise<[number, object]> {
    const running = server()
    if (request.method === 'GET' && request.url === '/health') {
      const health = running?.health()
      return health?.leaseValid ? [200, health] : [503, health ?? { leaseValid: false }]
    }
    if (request.method === 'POST' && request.url === '/doorbell') return ringing(request, running)
    const device = deviceOfSend(request.method, request.url)
    if (device && sendEndpoint) {
      const body = await readBody(request, SEND_BYTES_MAX)
      const asked = { device, path: request.url ?? '', body, ...signatureOf(request) }
      const answer = await sendEndpoint.answer(running, asked)
      if (answer[0] === SERVER_STATUS.SIGNATURE_INVALID) refusedSends.count()
      return answer
    }
    return [404, { code: 'ROUTE_NOT_FOUND', message: 'a server answers GET /health and POST /doorbell' }]
  }

  async function ringing(
    request: IncomingMessage,
    running: ReturnType<typeof server>,
  ): Promise<[number, object]> {
    const body = await readBody(request, RING_BYTES_MAX)
    if (!verifyDoorbell(options.doorbellSecret, signatureOf(request), body, clock.wallMs())) {
      refusedRings.count()
      return refused('SIGNATURE_INVALID', SIGNATURE_MISFIT)
    }
    if (!running) return refused('SERVER_STARTING', 'the server is starting: it will look by itself')
    running.ring()
    return [202, { serverId: running.serverId }]
  }

  await started(http, options.port, options.host)
  return {
    port: (http.address() as AddressInfo).port,
    async close() {
      http.closeAllConnections()
      for (const told of [refusedRings, refusedSends, ...drops.values()]) told.close()
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
