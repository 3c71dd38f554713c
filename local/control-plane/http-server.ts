/** A local HTTP server. It listens on 127.0.0.1 alone, lets no web page in, cuts bodies that are too large,
 *  and leaves no connection behind. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type ConnectionLimits, createLimitedServer } from '../../hosts/server/connection-limits.ts'
import { guard } from '../endpoint-guard.ts'

/** All callers are on this machine. API Gateway takes 10,240 bytes of request line and headers together. */
const LIMITS: ConnectionLimits = {
  headersMsMax: 5000,
  requestMsMax: 20_000,
  headerBytesMax: 10_240,
  connectionsMax: 2048,
  connectionsOfOneRemoteMax: 2048,
}
/** Requests under way get this long to end when the server closes. */
const GRACE_MS = 500

export interface HttpServer {
  readonly port: number
  close(): Promise<void>
}

/** @throws when the port is taken */
export async function startHttpServer(
  port: number,
  answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<HttpServer> {
  const server = createLimitedServer(
    LIMITS,
    (request, response) => {
      answer(request, response).catch(() => {
        if (!response.headersSent) response.writeHead(500)
        response.end()
      })
    },
    () => undefined,
  )
  guard(server, { host: 'loopback', port: 'exact' })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeIdleConnections()
      const cutting = setTimeout(() => server.closeAllConnections(), GRACE_MS)
      await closed
      clearTimeout(cutting)
    },
  }
}

/** @returns undefined when the body is larger than `bytesMax`; its rest is read and dropped, so that the
 *  sender gets to read the refusal */
export async function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes <= bytesMax) chunks.push(chunk)
  }
  return bytes > bytesMax ? undefined : Buffer.concat(chunks)
}

export function sendJson(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}
