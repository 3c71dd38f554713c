/** Stands before every endpoint that the local fleet opens: it lets no web page in, and answers without any CORS header.
 *  What asks for a credential of the run besides does so by `bearer`, or by the signature in signed-requests.ts. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { type PageRefusal, type PageRules, pageRefusal } from '../hosts/server/page-requests.ts'

export interface GuardRules extends PageRules {
  /** What else a request needs. */
  readonly credential?: (request: IncomingMessage) => PageRefusal | undefined
}

/** Puts the guard before all that listens to the server by now. Upgrades are judged as requests are. */
export function guard(server: Server, rules: GuardRules): void {
  const refusalOf = (request: IncomingMessage) => pageRefusal(request, rules) ?? rules.credential?.(request)
  const requested = server.listeners('request')
  server.removeAllListeners('request')
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const refusal = refusalOf(request)
    if (refusal) return refuse(response, refusal)
    for (const listener of requested) listener.call(server, request, response)
  })
  const upgraded = server.listeners('upgrade')
  if (upgraded.length === 0) return
  server.removeAllListeners('upgrade')
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const refusal = refusalOf(request)
    if (refusal) return refuseUpgrade(socket, refusal)
    for (const listener of upgraded) listener.call(server, request, socket, head)
  })
}

/** Asks for `Authorization: Bearer <token>`: a page could add it to a request only after a preflight, which is refused. */
export function bearer(token: string): (request: IncomingMessage) => PageRefusal | undefined {
  return ({ headers: { authorization } }) => {
    if (authorization === undefined) {
      return { status: 401, code: 'API_KEY_MISSING', message: 'send the token in Authorization: Bearer' }
    }
    if (isSame(authorization.replace(/^Bearer +/i, ''), token)) return undefined
    return { status: 401, code: 'API_KEY_UNKNOWN', message: 'the token is not the one of this run' }
  }
}

/** In a time that tells nothing of where they differ. */
export function isSame(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(wanted))
}

function refuse(response: ServerResponse, { status, code, message }: PageRefusal): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
  response.end(JSON.stringify({ code, message }))
}

function refuseUpgrade(socket: Duplex, { status, code, message }: PageRefusal): void {
  const body = JSON.stringify({ code, message })
  socket.on('error', () => undefined)
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}
