/**
 * The HTTP API of the control plane: devices, servers, the fleet.
 * API Gateway invokes it with each request, and with the caller that the authorizer found.
 * It must never take a device from a live server: it writes requests, and the owner releases the device.
 */
import middy, { type MiddlewareObj } from '@middy/core'
import httpErrorHandler from '@middy/http-error-handler'
import httpHeaderNormalizer from '@middy/http-header-normalizer'
import httpJsonBodyParser from '@middy/http-json-body-parser'
import httpRouterHandler from '@middy/http-router'
import httpSecurityHeaders from '@middy/http-security-headers'
import { MooringError } from '../core/errors.ts'
import { tasksOfCluster } from './adapters/ecs-tasks.ts'
import type { Answer } from './api/answer.ts'
import { authorise, callerOf } from './api/authorise.ts'
import { createCursors } from './api/cursor.ts'
import type { ApiEvent } from './api/event.ts'
import { shapeRefusals } from './api/refusals.ts'
import type { Route } from './api/route.ts'
import { ROUTES } from './api/routes.ts'
import type { ApiWorld } from './api/world.ts'
import { readEnvironment } from './environment.ts'
import { atFirstInvocation, flushTelemetry } from './invocation.ts'
import { lambdaWorld } from './world.ts'

/** The largest useful request is well below 1 KB. */
const BODY_BYTES_MAX = 64 * 1024
/** Kept for our own answer when a handler does not end in time. */
const ANSWER_MS = 500

export function createApiHandler(world: ApiWorld) {
  const router = httpRouterHandler<ApiEvent, Answer>({
    routes: ROUTES.map((route) => ({
      method: route.method,
      path: route.path,
      handler: createRouteHandler(world, route),
    })),
    notFoundResponse: ({ method }) => {
      throw new MooringError('ROUTE_NOT_FOUND', `no route ${method} has this path; see GET /openapi.json`)
    },
  })
  return middy<ApiEvent, Answer>({ timeoutEarlyInMillis: ANSWER_MS })
    .use(flushTelemetry(world))
    .use(httpSecurityHeaders())
    .use(httpHeaderNormalizer())
    .use(httpErrorHandler({ logger: false }))
    .use(shapeRefusals(world))
    .before(refuseLargeBody)
    .handler(router)
}

function createRouteHandler(world: ApiWorld, route: Route) {
  const serve = async (event: ApiEvent): Promise<Answer> =>
    route.serve(world, {
      params: event.pathParameters ?? {},
      query: event.queryStringParameters ?? {},
      body: event.body,
      caller: callerOf(event),
    })
  // Before the body is parsed: a caller without a scope is told so, whatever the body is.
  const handler = middy<ApiEvent, Answer>().before(({ event }) => authorise(event, route))
  return (route.body ? handler.use(jsonBody()) : handler).handler(serve)
}

/** Clients leave out an empty body, with or without a content type. A missing body counts as `{}`. */
function jsonBody(): MiddlewareObj<ApiEvent> {
  const parser = httpJsonBodyParser()
  return {
    before(request) {
      if (request.event.body) return parser.before?.(request)
      Object.assign(request.event, { body: {} })
    },
  }
}

function refuseLargeBody({ event }: { event: ApiEvent }): void {
  const bytes = Buffer.byteLength(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8')
  if (bytes <= BODY_BYTES_MAX) return
  throw new MooringError('BODY_TOO_LARGE', `a body may have ${BODY_BYTES_MAX} bytes; this one has ${bytes}`)
}

/** The API as the given environment describes it. */
export function apiOf(variables: Readonly<Record<string, string | undefined>>) {
  const environment = readEnvironment('api', variables)
  const world = lambdaWorld('api', environment, tasksOfCluster(environment.ECS_CLUSTER))
  return createApiHandler({ ...world, cursors: createCursors(environment.CURSOR_SECRET) })
}

export const handler = atFirstInvocation(() => apiOf(process.env))
