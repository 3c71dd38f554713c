/** Refuses the requests of web pages. The endpoints of servers and of the local fleet are for programs. A
 *  page that somebody reads must reach none of them, even when the page's own name is made to point here. */
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import type { ErrorCode } from '../../core/errors.ts'
import { SERVER_STATUS } from './statuses.ts'

export interface PageRefusal {
  readonly status: number
  readonly code: ErrorCode
  readonly message: string
}

export interface PageRules {
  /** `loopback` allows only the names of this machine, `address` any address. A page can make only a name
   *  point elsewhere. */
  readonly host: 'loopback' | 'address'
  /** Whether Host must name the port of the connection. A proxy before the endpoint may change the port: then
   *  `any`. */
  readonly port: 'exact' | 'any'
  /** An Origin that a known program sends. A page can send no Origin but its own. */
  readonly origin?: string
}

const HTTP_PORT = 80
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]'])

/** @returns why the request is refused; undefined when no page has sent it */
export function pageRefusal(request: IncomingMessage, rules: PageRules): PageRefusal | undefined {
  const { headers, headersDistinct, method } = request
  if (!isOwnHost(request, rules)) {
    return refused('FOREIGN_HOST', 'this is not the host that was asked for')
  }
  const origins = headersDistinct.origin ?? []
  if (origins.some((origin) => origin !== rules.origin))
    return foreign('web pages may not call this endpoint')
  // Browsers send this header even where they leave Origin out. `none` means that a person has typed the
  // address.
  if ((headers['sec-fetch-site'] ?? 'none') !== 'none') return foreign('web pages may not call this endpoint')
  if (method === 'OPTIONS' || 'access-control-request-method' in headers) {
    return foreign('web pages may not call this endpoint, and a preflight gets no permission')
  }
  return undefined
}

function foreign(message: string): PageRefusal {
  return refused('FOREIGN_ORIGIN', message)
}

function refused(code: 'FOREIGN_HOST' | 'FOREIGN_ORIGIN', message: string): PageRefusal {
  return { status: SERVER_STATUS[code], code, message }
}

function isOwnHost({ headersDistinct, socket, url }: IncomingMessage, { host, port }: PageRules): boolean {
  // A target that names a host itself would override the header.
  if (!url?.startsWith('/')) return false
  const [given, ...more] = headersDistinct.host ?? []
  const read = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/i.exec(given ?? '')
  if (!read || more.length > 0) return false
  const [, name = '', asked] = read
  if (port === 'exact' && Number(asked ?? HTTP_PORT) !== socket.localPort) return false
  if (LOOPBACK.has(name.toLowerCase())) return true
  return host === 'address' && isIP(name.replace(/^\[|\]$/g, '')) !== 0
}
