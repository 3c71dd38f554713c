/** Guards every endpoint that the local fleet opens: it lets no web page in, and answers without any CORS
 *  header. Some endpoints also ask for a credential of the run: by `bearer`, or by the signature in
 *  `local/signed-requests.ts`. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { type PageRefusal, type PageRules, pageRefusal } from '../hosts/server/page-requests.ts'

export interface GuardRules extends PageRules {
  /** Checks a credential in addition.
   *  @returns the refusal of a request without it */
  readonly credential?: (request: IncomingMessage) => PageRefusal | undefined
}

/** Puts the guard before every listener that the server has by now. Upgrades are judged as requests are. */
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

/** Asks for `Authorization: Bearer <token>`. A web page could add the header only after a preflight, and the
 *  guard refuses preflights. */
export function bearer(token: string): (request: IncomingMessage) => PageRefusal | undefined {
  return ({ headers: { authorization } }) => {
    if (authorization === undefined) {
      return { status: 401, code: 'API_KEY_MISSING', message: 'send the token in Authorization: Bearer' }
    }
    if (isSame(authorization.replace(/^Bearer +/i, ''), token)) return undefined
    return { status: 401, code: 'API_KEY_UNKNOWN', message: 'this is not the token of this run' }
  }
}

/** Compares in a time that does not depend on where the two differ. */
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
