import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { SCOPES } from '../../../core/store/api-key-row.ts'
import { ROUTES } from '../../../lambdas/api/routes.ts'
import { embeddedTables, type Tables } from '../../builders/builders.ts'
import { anApi, apiEvent, type TestApi } from '../events.ts'

let tables: Tables
let api: TestApi
before(async () => {
  tables = await embeddedTables()
  api = await anApi(tables)
})
after(() => tables.close())

/** A path that the route serves. */
const targetOf = (path: string) => path.replace(/\{\w+\}/g, 'some-id')
const closed = ROUTES.filter((route) => route.scope !== 'public')
const open = ROUTES.filter((route) => route.scope === 'public')

test('only the health check and the OpenAPI document are public', () => {
  assert.deepEqual(open.map((route) => route.path).sort(), ['/health', '/openapi.json'])
})

for (const route of closed) {
  const name = `${route.method} ${route.path}`

  test(`${name} refuses a caller without a key`, async () => {
    const options = { scope: 'none', refusal: 'API_KEY_MISSING' } as const
    const answer = await api.call(route.method, targetOf(route.path), options)
    assert.equal(answer.status, 401)
    assert.equal(answer.body.code, 'API_KEY_MISSING')
  })

  test(`${name} refuses when there is no authorizer before it`, async () => {
    const event = apiEvent(route.method, targetOf(route.path))
    const { authorizer: _authorizer, ...requestContext } = event.requestContext
    const answer = await api.send({ ...event, requestContext })
    assert.equal(answer.status, 401)
    assert.equal(answer.body.code, 'API_KEY_MISSING')
  })

  test(`${name} answers 503 when the key could not be looked up`, async () => {
    const options = { scope: 'none', refusal: 'STORE_BUSY' } as const
    const answer = await api.call(route.method, targetOf(route.path), options)
    assert.equal(answer.status, 503)
    assert.equal(answer.body.code, 'STORE_BUSY')
  })

  for (const scope of SCOPES.slice(0, SCOPES.indexOf(route.scope as (typeof SCOPES)[number]))) {
    test(`${name} refuses a key of scope ${scope}`, async () => {
      const answer = await api.call(route.method, targetOf(route.path), { scope })
      assert.equal(answer.status, 403)
      assert.equal(answer.body.code, 'SCOPE_TOO_LOW')
    })
  }
}

test('a key of scope read gets neither a QR nor a pairing code', () => {
  const pairing = closed.filter(({ path }) => path.endsWith('/qr') || path.endsWith('/pairing-code'))
  assert.deepEqual(
    pairing.map(({ scope }) => scope),
    ['operate', 'operate'],
  )
})

for (const route of open) {
  test(`${route.method} ${route.path} needs no key`, async () => {
    assert.equal((await api.call(route.method, route.path, { scope: 'none' })).status, 200)
  })
}
