/** Turns requests into the events that an HTTP API passes to its functions: payload format 2.0, with one
 *  `$default` route and stage. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { APIGatewayProxyEventV2, APIGatewayRequestAuthorizerEventV2 } from 'aws-lambda'
import { LOCAL_REGION } from '../database.ts'
import { LOCAL_ACCOUNT } from './functions.ts'

const API_ID = 'localapi00'
const DEFAULT = '$default'
/** Bodies of these types arrive as text. All other bodies, and bodies without a type, arrive in base64. */
const TEXT_BODY = /^(text\/|application\/(json|javascript|xml|.+\+(json|xml))\b)/i

export function proxyEvent(request: IncomingMessage, body: Buffer): APIGatewayProxyEventV2 {
  const contentType = request.headers['content-type'] ?? ''
  const isText = TEXT_BODY.test(contentType)
  return {
    version: '2.0',
    ...requestPart(request),
    isBase64Encoded: body.length > 0 && !isText,
    ...(body.length > 0 ? { body: body.toString(isText ? 'utf8' : 'base64') } : {}),
  }
}

/** The authorizer gets the same request without its body. No identity source is configured, so every request
 *  asks it. */
export function authorizerEvent(event: APIGatewayProxyEventV2): APIGatewayRequestAuthorizerEventV2 {
  const { method, path } = event.requestContext.http
  const { body: _body, isBase64Encoded: _encoded, version: _version, ...request } = event
  return {
    version: '2.0',
    type: 'REQUEST',
    routeArn: `arn:aws:execute-api:${LOCAL_REGION}:${LOCAL_ACCOUNT}:${API_ID}/${DEFAULT}/${method}${path}`,
    identitySource: [],
    ...request,
    cookies: event.cookies ?? [],
    queryStringParameters: event.queryStringParameters ?? {},
  } as APIGatewayRequestAuthorizerEventV2
}

function requestPart(request: IncomingMessage) {
  const [target = '/', ...queries] = (request.url ?? '/').split('?')
  const rawQueryString = queries.join('?')
  const rawPath = decodePath(target)
  const query = queryParameters(rawQueryString)
  const { cookie, ...headers } = joinedHeaders(request)
  const now = new Date()
  return {
    routeKey: DEFAULT,
    rawPath,
    rawQueryString,
    ...(cookie ? { cookies: cookie.split(/; */) } : {}),
    headers,
    ...(query ? { queryStringParameters: query } : {}),
    requestContext: {
      accountId: LOCAL_ACCOUNT,
      apiId: API_ID,
      domainName: headers.host ?? 'localhost',
      domainPrefix: API_ID,
      http: {
        method: request.method ?? 'GET',
        path: rawPath,
        protocol: `HTTP/${request.httpVersion}`,
        sourceIp: request.socket.remoteAddress ?? '127.0.0.1',
        userAgent: headers['user-agent'] ?? '',
      },
      requestId: randomUUID(),
      routeKey: DEFAULT,
      stage: DEFAULT,
      time: gatewayTime(now),
      timeEpoch: now.getTime(),
    },
  }
}

/** An HTTP API decodes the path before it passes it on, and cuts it at a decoded question mark. */
function decodePath(target: string): string {
  const [path = '/'] = percentDecoded(target).split('?')
  return path === '' ? '/' : path
}

/** Text that is no valid encoding stays as it is. */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Values of a repeated parameter are joined by commas. */
function queryParameters(rawQueryString: string): Record<string, string> | undefined {
  if (rawQueryString === '') return undefined
  const parameters: Record<string, string> = Object.create(null)
  for (const [name, value] of new URLSearchParams(rawQueryString)) {
    parameters[name] = name in parameters ? `${parameters[name]},${value}` : value
  }
  return parameters
}

/** Names in lower case, values of a repeated header joined by commas. */
function joinedHeaders({ headersDistinct }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headersDistinct).map(([name, values]) => [
      name,
      (values ?? []).join(name === 'cookie' ? '; ' : ','),
    ]),
  )
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `12/Mar/2020:19:03:58 +0000` */
function gatewayTime(at: Date): string {
  const two = (number: number) => String(number).padStart(2, '0')
  const day = `${two(at.getUTCDate())}/${MONTHS[at.getUTCMonth()]}/${at.getUTCFullYear()}`
  return `${day}:${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())} +0000`
}
