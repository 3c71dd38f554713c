/** Refuses by default: a request passes only with a scope that allows the route's own scope. */
import { MooringError } from '../../core/errors.ts'
import { SCOPES } from '../../core/store/api-key-row.ts'
import { scopeAllows } from '../api-keys.ts'
import type { CallerContext } from '../authorizer.ts'
import type { ApiEvent } from './event.ts'
import type { Route } from './route.ts'

const NOBODY: CallerContext = { scope: 'none', keyId: '' }

const REFUSALS = {
  API_KEY_MISSING: 'send an API key in the header X-Api-Key',
  API_KEY_UNKNOWN: 'the API key in the header X-Api-Key is not known',
  STORE_BUSY: 'the API key could not be looked up; try again',
} as const

/** @throws MooringError API_KEY_MISSING | API_KEY_UNKNOWN | SCOPE_TOO_LOW | STORE_BUSY */
export function authorise(event: ApiEvent, route: Pick<Route, 'scope'>): void {
  const caller = callerOf(event)
  if (route.scope === 'public') return
  if (!isScope(caller.scope)) {
    const code = caller.refusal && caller.refusal in REFUSALS ? caller.refusal : 'API_KEY_MISSING'
    throw new MooringError(code, REFUSALS[code])
  }
  if (scopeAllows(caller.scope, route.scope)) return
  throw new MooringError(
    'SCOPE_TOO_LOW',
    `this needs a key of scope ${route.scope}; yours has scope ${caller.scope}`,
  )
}

/** The caller that the authorizer found. Without an authorizer before the API it is nobody. */
export function callerOf(event: ApiEvent): CallerContext {
  const context: { authorizer?: { lambda?: CallerContext } } = event.requestContext
  return context.authorizer?.lambda ?? NOBODY
}

function isScope(scope: CallerContext['scope']): scope is (typeof SCOPES)[number] {
  return (SCOPES as readonly string[]).includes(scope)
}
