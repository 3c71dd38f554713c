/** The routes that need no key: the health of the control plane, and the OpenAPI document. */
import * as z from 'zod'
import type { ServerId } from '../../../core/ids.ts'
import { json } from '../answer.ts'
import { openApiDocument } from '../openapi.ts'
import { answers, defineRoute, named, type Route } from '../route.ts'

/** No server has this id. Reading its row only shows that the store answers. */
const NO_SERVER = 'health' as ServerId

const showHealth = defineRoute({
  method: 'GET',
  path: '/health',
  scope: 'public',
  summary: 'Check that the API and its database answer',
  answers: {
    200: answers('both answer', named('Health', z.object({ status: z.literal('ok'), storeMs: z.number() }))),
  },
  async handle(world) {
    const begun = world.clock.mark()
    await world.store.get('Servers', { serverId: NO_SERVER })
    return json(200, { status: 'ok', storeMs: Math.round(world.clock.elapsedMs(begun)) })
  },
})

/** @param routes all routes, these two included: the document is made at the first request for it */
export function publicRoutes(routes: () => readonly Route[]): Route[] {
  let document: object | undefined
  const showOpenApi = defineRoute({
    method: 'GET',
    path: '/openapi.json',
    scope: 'public',
    summary: 'Show this document',
    answers: {
      200: answers('the document', named('OpenApiDocument', z.looseObject({ openapi: z.string() }))),
    },
    async handle() {
      document ??= openApiDocument(routes())
      return json(200, document)
    },
  })
  return [showHealth, showOpenApi]
}
