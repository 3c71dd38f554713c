/** Tells requests that a web page made from those of programs. No endpoint of a server or of the local fleet is for pages:
 *  a page that somebody happens to read must reach none, also when its own name is made to point here. */
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
  /** `loopback`: by a name of this machine alone; `address`: by any address. A page can make only a name point elsewhere. */
  readonly host: 'loopback' | 'address'
  /** Whether Host must name the port that was connected to. Not so where a proxy may stand before the endpoint. */
  readonly port: 'exact' | 'any'
  /** An Origin that a program is known to send; no page can send another one than its own. */
  readonly origin?: string
}

const HTTP_PORT = 80
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]'])

/** @returns why it is refused; undefined when no page has sent it */
export function pageRefusal(request: IncomingMessage, rules: PageRules): PageRefusal | undefined {
  const { headers, headersDistinct, method } = request
  if (!isOwnHost(request, rules)) {
    return refused('FOREIGN_HOST', 'this is not the host that was asked for')
  }
  const origins = headersDistinct.origin ?? []
  if (origins.some((origin) => origin !== rules.origin)) return foreign('no web page may ask here')
  // Browsers say by it who asks, also where they leave Origin out; `none` is an address that a person has typed.
  if ((headers['sec-fetch-site'] ?? 'none') !== 'none') return foreign('no web page may ask here')
  if (method === 'OPTIONS' || 'access-control-request-method' in headers) {
    return foreign('there is no permission for web pages to be asked for')
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
  // A target with a host of its own would count more than the header.
  if (!url?.startsWith('/')) return false
  const [given, ...more] = headersDistinct.host ?? []
  const read = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/i.exec(given ?? '')
  if (!read || more.length > 0) return false
  const [, name = '', asked] = read
  if (port === 'exact' && Number(asked ?? HTTP_PORT) !== socket.localPort) return false
  if (LOOPBACK.has(name.toLowerCase())) return true
  return host === 'address' && isIP(name.replace(/^\[|\]$/g, '')) !== 0
}
