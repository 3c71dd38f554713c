/** Every refusal of the API: `{code, message}` with a stable code. An unexpected error becomes INTERNAL, and
 *  its cause goes to the log alone. */
import type { MiddlewareObj } from '@middy/core'
import { isMooringError } from '../../core/errors.ts'
import type { LambdaWorld } from '../world.ts'
import type { ApiEvent } from './event.ts'
import type { Route } from './route.ts'
import { API_STATUS, type ApiCode, isApiCode } from './statuses.ts'

export interface Refusal {
  readonly code: ApiCode
  readonly message: string
}

/** Codes that every route can answer with. */
const ALWAYS = ['BAD_REQUEST', 'BODY_TOO_LARGE', 'STORE_BUSY', 'INTERNAL'] as const
const WITH_KEY = ['API_KEY_MISSING', 'API_KEY_UNKNOWN', 'SCOPE_TOO_LOW'] as const
const WITH_BODY = ['MALFORMED_JSON', 'UNSUPPORTED_MEDIA_TYPE'] as const
/** A path parameter may contain an encoded slash: the path is then another one, which may have no route. */
const WITH_PARAMS = ['ROUTE_NOT_FOUND'] as const

/** Every code that the route can answer with. */
export function refusalsOf(route: Route): readonly ApiCode[] {
  return [
    ...ALWAYS,
    ...(route.scope === 'public' ? [] : WITH_KEY),
    ...(route.body ? WITH_BODY : []),
    ...(route.params ? WITH_PARAMS : []),
    ...(route.refusals ?? []),
  ]
}

const RETRY_AFTER_SECONDS = 2

/** Runs first of the error middlewares: turns any error into the refusal that
 *  middy's error handler renders. */
export function shapeRefusals(world: LambdaWorld): MiddlewareObj<ApiEvent> {
  return {
    onError(request) {
      const refusal = refusalOf(request.error)
      if (API_STATUS[refusal.code] >= 500) {
        const { method, path } = request.event.requestContext.http
        world.telemetry.emit('request.failed', { code: refusal.code, method, path, error: request.error })
      }
      const shaped = {
        statusCode: API_STATUS[refusal.code],
        message: JSON.stringify(refusal),
        expose: true,
        headers: refusal.code === 'STORE_BUSY' ? { 'Retry-After': String(RETRY_AFTER_SECONDS) } : {},
      }
      request.error = Object.assign(new Error(refusal.code), shaped)
    },
  }
}

export function refusalOf(error: unknown): Refusal {
  if (isMooringError(error) && isApiCode(error.code)) return { code: error.code, message: error.message }
  if (statusOf(error) === 415) {
    return {
      code: 'UNSUPPORTED_MEDIA_TYPE',
      message: 'send the body as JSON, with the content type application/json',
    }
  }
  if (statusOf(error) === 422) return { code: 'MALFORMED_JSON', message: 'the body is not valid JSON' }
  if (isStoreBusy(error)) {
    return { code: 'STORE_BUSY', message: 'the database did not answer in time; try again' }
  }
  return { code: 'INTERNAL', message: 'an unexpected error happened; the log of the `api` Lambda has it' }
}

/** The status of an error that middy made. */
function statusOf(error: unknown): number | undefined {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  return typeof status === 'number' ? status : undefined
}

/** Names of errors of the SDK, or of its connection, that pass by themselves. */
const BUSY = new Set([
  'AbortError',
  'TimeoutError',
  'RequestTimeout',
  'ThrottlingException',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'InternalServerError',
  'ServiceUnavailable',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'ETIMEDOUT',
])

function isStoreBusy(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error ? String(error.code) : ''
  return BUSY.has(error.name) || BUSY.has(code)
}
