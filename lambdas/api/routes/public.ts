/** The routes that need no key: whether the control plane works, and what it offers. */
import * as z from 'zod'
import type { ServerId } from '../../../core/ids.ts'
import { json } from '../answer.ts'
import { openApiDocument } from '../openapi.ts'
import { answers, defineRoute, named, type Route } from '../route.ts'

/** No server has this id: the read only shows that the store answers. */
const NO_SERVER = 'health' as ServerId

const health = defineRoute({
  method: 'GET',
  path: '/health',
  scope: 'public',
  summary: 'Whether the API and its database answer',
  answers: {
    200: answers('both answer', named('Health', z.object({ status: z.literal('ok'), storeMs: z.number() }))),
  },
  async handle(world) {
    const begun = world.clock.mark()
    await world.store.get('Servers', { serverId: NO_SERVER })
    return json(200, { status: 'ok', storeMs: Math.round(world.clock.elapsedMs(begun)) })
  },
})

/** @param routes all of them, this one included: the document is made when it is first asked for */
export function publicRoutes(routes: () => readonly Route[]): Route[] {
  let document: object | undefined
  const openApi = defineRoute({
    method: 'GET',
    path: '/openapi.json',
    scope: 'public',
    summary: 'This document',
    answers: {
      200: answers('the document', named('OpenApiDocument', z.looseObject({ openapi: z.string() }))),
    },
    async handle() {
      document ??= openApiDocument(routes())
      return json(200, document)
    },
  })
  return [health, openApi]
}
