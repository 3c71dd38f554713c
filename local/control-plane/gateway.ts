/**
 * The HTTP API on this machine. Every request becomes the same events that API Gateway sends: first to the
 * authorizer, then to the `api` function, whose answer becomes the response. The control plane's process and
 * tests start it. It must never answer otherwise than API Gateway, except that it refuses web pages, because
 * they can reach a local port.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type {
  APIGatewayProxyEventV2,
  APIGatewayProxyStructuredResultV2,
  APIGatewaySimpleAuthorizerWithContextResult,
} from 'aws-lambda'
import { FunctionTimedOut, invoke, type LocalFunctions } from './functions.ts'
import { authorizerEvent, proxyEvent } from './http-api-events.ts'
import { type HttpServer, readBody, sendJson, startHttpServer } from './http-server.ts'

const BODY_BYTES_MAX = 10 * 1024 * 1024

/** @throws when the port is taken */
export function startGateway(functions: LocalFunctions, port = 0): Promise<HttpServer> {
  return startHttpServer(port, (request, response) => pass(functions, request, response))
}

async function pass(
  functions: LocalFunctions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readBody(request, BODY_BYTES_MAX)
  if (!body) return sendJson(response, 413, { message: 'Request Entity Too Large' })
  const event = proxyEvent(request, body)
  try {
    const verdict = (await invoke(
      functions,
      'authorizer',
      authorizerEvent(event),
    )) as APIGatewaySimpleAuthorizerWithContextResult<unknown>
    if (verdict?.isAuthorized !== true) return sendJson(response, 403, { message: 'Forbidden' })
    render(response, await invoke(functions, 'api', withAuthorizer(event, verdict.context)))
  } catch (error) {
    if (error instanceof FunctionTimedOut) return sendJson(response, 503, { message: 'Service Unavailable' })
    sendJson(response, 500, { message: 'Internal Server Error' })
  }
}

function withAuthorizer(event: APIGatewayProxyEventV2, context: unknown): APIGatewayProxyEventV2 {
  const requestContext = { ...event.requestContext, authorizer: { lambda: context ?? null } }
  return { ...event, requestContext }
}

/** An answer without a `statusCode` is itself the body. */
function render(response: ServerResponse, answer: unknown): void {
  if (!isStructured(answer)) {
    sendJson(response, 200, answer)
    return
  }
  const { statusCode = 200, headers = {}, cookies, body = '', isBase64Encoded } = answer
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, String(value))
  if (cookies) response.setHeader('set-cookie', cookies)
  response.writeHead(statusCode).end(Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'))
}

function isStructured(answer: unknown): answer is APIGatewayProxyStructuredResultV2 {
  return typeof answer === 'object' && answer !== null && 'statusCode' in answer
}
