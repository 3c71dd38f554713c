import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { keyRow, newApiKey } from '../../lambdas/api-keys.ts'
import { createAuthorizerHandler } from '../../lambdas/authorizer.ts'
import { embeddedTables, type Tables } from '../builders/builders.ts'
import { cuttable } from '../builders/faulty-stores.ts'
import { aContext, authorizerRequest, lambdaWorldOn } from './events.ts'

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables.close())

async function anAuthorizer() {
  const store = cuttable(await tables.fresh())
  const world = lambdaWorldOn(store)
  const apiKey = newApiKey()
  await store.put('Keys', keyRow(apiKey, 'operate', 'test', 1))
  const handler = createAuthorizerHandler(world)
  const ask = async (headers: Record<string, string>) =>
    (await handler(authorizerRequest(headers), aContext())).context
  return { world, store, apiKey, ask, handler }
}

test('a known key passes with its scope and its id', async () => {
  const { apiKey, ask } = await anAuthorizer()
  const { keyId } = keyRow(apiKey, 'operate', 'test', 1)
  assert.deepEqual(await ask({ 'x-api-key': apiKey }), { scope: 'operate', keyId })
})

test('a request without a key passes without a scope, so that the API can refuse it with a stable code', async () => {
  const { handler } = await anAuthorizer()
  assert.deepEqual(await handler(authorizerRequest({}), aContext()), {
    isAuthorized: true,
    context: { scope: 'none', keyId: '', refusal: 'API_KEY_MISSING' },
  })
})

test('an unknown key has no scope', async () => {
  const { ask } = await anAuthorizer()
  const caller = await ask({ 'x-api-key': newApiKey() })
  assert.deepEqual(caller, { scope: 'none', keyId: '', refusal: 'API_KEY_UNKNOWN' })
})

test('a key is remembered for a minute and no longer', async () => {
  const { world, store, apiKey, ask } = await anAuthorizer()
  await ask({ 'x-api-key': apiKey })
  await store.remove('Keys', { keyId: keyRow(apiKey, 'operate', 'test', 1).keyId })
  world.clock.advance(59_000)
  assert.equal((await ask({ 'x-api-key': apiKey })).scope, 'operate')
  world.clock.advance(1001)
  assert.equal((await ask({ 'x-api-key': apiKey })).refusal, 'API_KEY_UNKNOWN')
})

test('a key that is made after it was refused works at once', async () => {
  const { store, ask } = await anAuthorizer()
  const apiKey = newApiKey()
  await ask({ 'x-api-key': apiKey })
  await store.put('Keys', keyRow(apiKey, 'read', 'new', 1))
  assert.equal((await ask({ 'x-api-key': apiKey })).scope, 'read')
})

test('a store that fails grants nothing', async () => {
  const { store, apiKey, ask, world } = await anAuthorizer()
  store.cut()
  assert.deepEqual(await ask({ 'x-api-key': apiKey }), { scope: 'none', keyId: '', refusal: 'STORE_BUSY' })
  assert.equal(world.told('request.failed').length, 1)
})
