/**
 * Finds the caller of the API by the header `X-Api-Key`.
 * API Gateway invokes it before every request to the `api` Lambda.
 * It must never refuse: a refusal of API Gateway itself has no body with our stable codes. Every request
 * passes, with the scope of its key or with `none`, and the API refuses by default.
 */
import middy from '@middy/core'
import type {
  APIGatewayRequestAuthorizerEventV2,
  APIGatewaySimpleAuthorizerWithContextResult,
} from 'aws-lambda'
import type { FlushedTelemetry } from '../aws/powertools-telemetry.ts'
import { type Clock, type Mark, systemClock } from '../core/clock.ts'
import type { ErrorCode } from '../core/errors.ts'
import type { KeyRow, Scope } from '../core/store/api-key-row.ts'
import type { Store } from '../core/store/store.ts'
import { findKey } from './api-keys.ts'
import { readEnvironment } from './environment.ts'
import { atFirstInvocation, flushTelemetry } from './invocation.ts'
import { lambdaTelemetry } from './telemetry.ts'
import { lambdaStore } from './world.ts'

const API_KEY_HEADER = 'x-api-key'
/** A deleted key still works this long. */
const KEY_REMEMBERED_MS = 60_000
const KEYS_REMEMBERED_MAX = 1000

/** The caller, as the `api` Lambda finds it under `requestContext.authorizer.lambda`. */
export interface CallerContext {
  readonly scope: Scope | 'none'
  readonly keyId: string
  /** The reason for the scope `none`. */
  readonly refusal?: Extract<ErrorCode, 'API_KEY_MISSING' | 'API_KEY_UNKNOWN' | 'STORE_BUSY'>
}

export interface AuthorizerWorld {
  readonly store: Store
  readonly clock: Clock
  readonly telemetry: FlushedTelemetry
}

export function createAuthorizerHandler(world: AuthorizerWorld) {
  const find = rememberKeys(world)

  async function identify(apiKey: string | undefined): Promise<CallerContext> {
    if (!apiKey) return { scope: 'none', keyId: '', refusal: 'API_KEY_MISSING' }
    try {
      const key = await find(apiKey)
      if (key) return { scope: key.scope, keyId: key.keyId }
      return { scope: 'none', keyId: '', refusal: 'API_KEY_UNKNOWN' }
    } catch (error) {
      // If this threw, API Gateway would answer a bare 403,
      // and the client would think that its key was deleted.
      world.telemetry.emit('request.failed', { error, why: 'the API key could not be looked up' })
      return { scope: 'none', keyId: '', refusal: 'STORE_BUSY' }
    }
  }

  return middy(
    async (
      event: APIGatewayRequestAuthorizerEventV2,
    ): Promise<APIGatewaySimpleAuthorizerWithContextResult<CallerContext>> => ({
      isAuthorized: true,
      context: await identify(event.headers?.[API_KEY_HEADER]),
    }),
  ).use(flushTelemetry(world))
}

/** Remembers only keys that exist, so a new key works at once. */
function rememberKeys({ store, clock }: AuthorizerWorld) {
  const remembered = new Map<string, { key: KeyRow; since: Mark }>()
  return async (apiKey: string): Promise<KeyRow | undefined> => {
    const known = remembered.get(apiKey)
    if (known && clock.elapsedMs(known.since) < KEY_REMEMBERED_MS) return known.key
    remembered.delete(apiKey)
    const since = clock.mark()
    const key = await findKey(store, apiKey)
    if (!key) return undefined
    if (remembered.size >= KEYS_REMEMBERED_MAX) remembered.clear()
    remembered.set(apiKey, { key, since })
    return key
  }
}

export const handler = atFirstInvocation(() => {
  const { TABLE_PREFIX } = readEnvironment('authorizer', process.env)
  const telemetry = lambdaTelemetry('authorizer')
  return createAuthorizerHandler({ store: lambdaStore(TABLE_PREFIX), clock: systemClock, telemetry })
})
