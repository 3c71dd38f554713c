import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { dynamoDbStore } from '../../../aws/dynamodb-store.ts'
import { localClient } from '../../../local/database.ts'
import { embeddedTables, type Tables } from '../../builders/builders.ts'
import { cuttable } from '../../builders/faulty-stores.ts'
import { anApi, apiEvent, apiOn, lambdaWorldOn, type TestApi, type Wish } from '../events.ts'

let tables: Tables
let api: TestApi
before(async () => {
  tables = await embeddedTables()
  api = await anApi(tables)
  await api.call('POST', '/devices', { body: { deviceId: 'known' } })
})
after(() => tables.close())

const cases: readonly (readonly [
  what: string,
  method: string,
  target: string,
  wish: Wish,
  code: string,
  status: number,
])[] = [
  ['malformed JSON', 'POST', '/devices', { text: '{"deviceId":' }, 'MALFORMED_JSON', 400],
  ['JSON that ends too deep', 'POST', '/devices', { text: '['.repeat(60_000) }, 'MALFORMED_JSON', 400],
  ['a body that is JSON but no object', 'POST', '/devices', { text: '[1]' }, 'BAD_REQUEST', 400],
  ['null for a body', 'POST', '/devices', { text: 'null' }, 'BAD_REQUEST', 400],
  [
    'a key that reaches for the prototype',
    'POST',
    '/devices',
    { text: '{"__proto__":{"a":1}}' },
    'MALFORMED_JSON',
    400,
  ],
  [
    'a body of another type',
    'POST',
    '/devices',
    { text: 'a=b', contentType: 'application/x-www-form-urlencoded' },
    'UNSUPPORTED_MEDIA_TYPE',
    415,
  ],
  ['an unknown field', 'POST', '/devices', { body: { deviceId: 'a', colour: 'red' } }, 'BAD_REQUEST', 400],
  ['an unknown query parameter', 'GET', '/devices?colour=red', {}, 'BAD_REQUEST', 400],
  ['a number for a name', 'POST', '/devices', { body: { deviceId: 'a', name: 7 } }, 'BAD_REQUEST', 400],
  ['an empty name', 'POST', '/devices', { body: { deviceId: 'a', name: '' } }, 'BAD_REQUEST', 400],
  [
    'a name with a line break',
    'POST',
    '/devices',
    { body: { deviceId: 'a', name: 'a\nb' } },
    'BAD_REQUEST',
    400,
  ],
  [
    'a name with half a character',
    'POST',
    '/devices',
    { text: '{"deviceId":"a","name":"\\ud800"}' },
    'BAD_REQUEST',
    400,
  ],
  [
    'a name that is too long',
    'POST',
    '/devices',
    { body: { deviceId: 'a', name: 'n'.repeat(129) } },
    'BAD_REQUEST',
    400,
  ],
  [
    'an id of the wrong form in the body',
    'POST',
    '/devices',
    { body: { deviceId: '../etc' } },
    'BAD_REQUEST',
    400,
  ],
  ['an id of the wrong form in the path', 'GET', '/devices/_fleet', {}, 'BAD_REQUEST', 400],
  ['an id that is too long', 'GET', `/devices/${'a'.repeat(65)}`, {}, 'BAD_REQUEST', 400],
  ['a server id of the wrong form', 'GET', '/servers/name%23web-1', {}, 'BAD_REQUEST', 400],
  ['a limit that is no number', 'GET', '/devices?limit=many', {}, 'BAD_REQUEST', 400],
  ['a limit of 0', 'GET', '/devices?limit=0', {}, 'BAD_REQUEST', 400],
  ['a limit that is given twice', 'GET', '/devices?limit=1,2', {}, 'BAD_REQUEST', 400],
  ['an unknown status', 'GET', '/devices?status=lost', {}, 'BAD_REQUEST', 400],
  ['a time that is none', 'GET', '/devices?updatedSince=yesterday', {}, 'BAD_REQUEST', 400],
  ['an unknown QR format', 'GET', '/devices/known/qr?format=gif', {}, 'BAD_REQUEST', 400],
  [
    'a phone number with letters',
    'POST',
    '/devices/known/pairing-code',
    { body: { phoneNumber: '49x' } },
    'BAD_REQUEST',
    400,
  ],
  ['no phone number', 'POST', '/devices/known/pairing-code', {}, 'BAD_REQUEST', 400],
  ['a cursor that is none', 'GET', '/devices?cursor=xyz', {}, 'BAD_CURSOR', 400],
  ['a missing key', 'GET', '/devices', { scope: 'none', refusal: 'API_KEY_MISSING' }, 'API_KEY_MISSING', 401],
  [
    'an unknown key',
    'GET',
    '/devices',
    { scope: 'none', refusal: 'API_KEY_UNKNOWN' },
    'API_KEY_UNKNOWN',
    401,
  ],
  ['a scope that is too low', 'POST', '/devices', { scope: 'read', body: {} }, 'SCOPE_TOO_LOW', 403],
  ['an unknown device', 'GET', '/devices/nobody', {}, 'DEVICE_NOT_FOUND', 404],
  ['the history of an unknown device', 'GET', '/devices/nobody/history', {}, 'DEVICE_NOT_FOUND', 404],
  ['an unknown device to delete', 'DELETE', '/devices/nobody', {}, 'DEVICE_NOT_FOUND', 404],
  ['an unknown device to start', 'POST', '/devices/nobody/start', {}, 'DEVICE_NOT_FOUND', 404],
  ['an unknown server', 'GET', '/servers/nobody', {}, 'SERVER_NOT_FOUND', 404],
  [
    'an unknown server to move to',
    'POST',
    '/devices/known/reassign',
    { body: { serverId: 'nobody' } },
    'SERVER_NOT_FOUND',
    404,
  ],
  ['an unknown route', 'GET', '/nowhere', {}, 'ROUTE_NOT_FOUND', 404],
  ['a known path with another method', 'PUT', '/devices/known', {}, 'ROUTE_NOT_FOUND', 404],
  ['a body of 1 MB', 'POST', '/devices', { text: `"${'x'.repeat(1024 * 1024)}"` }, 'BODY_TOO_LARGE', 413],
]

for (const [what, method, target, wish, code, status] of cases) {
  test(`${what} is refused with ${status} ${code}`, async () => {
    const answer = await api.call(method, target, wish)
    assert.deepEqual([answer.status, answer.body.code], [status, code])
    assert.deepEqual(Object.keys(answer.body), ['code', 'message'])
    assert.equal(answer.headers['Content-Type'], 'application/json')
  })
}

test('a body in base64 is read like any other', async () => {
  const event = apiEvent('POST', '/devices', { text: Buffer.from('{"deviceId":"known"}').toString('base64') })
  const answer = await api.send({ ...event, isBase64Encoded: true })
  assert.equal(answer.status, 200)
})

test('a body in base64 counts with the bytes that it stands for', async () => {
  const large = '{"deviceId":"known"}'.padEnd(60 * 1024)
  const event = apiEvent('POST', '/devices', { text: Buffer.from(large).toString('base64') })
  assert.equal((await api.send({ ...event, isBase64Encoded: true })).status, 200)
})

test('a client that sends a content type without a body is served', async () => {
  const answer = await api.call('POST', '/devices/known/start', { text: '', contentType: 'application/json' })
  assert.equal(answer.status, 202)
})

test('a store that does not answer in time gives 503 with the time to wait', async () => {
  const store = cuttable(await tables.fresh())
  const busy = Object.assign(new Error('Throughput exceeds the current limit'), {
    name: 'ProvisionedThroughputExceededException',
  })
  const failing = apiOn(lambdaWorldOn({ ...store, get: () => Promise.reject(busy) }))
  const answer = await failing.call('GET', '/devices/known')
  assert.deepEqual([answer.status, answer.body.code, answer.headers['Retry-After']], [503, 'STORE_BUSY', '2'])
})

test('a database that cannot be reached gives 503', async () => {
  const client = localClient('http://127.0.0.1:9')
  const answer = await apiOn(lambdaWorldOn(dynamoDbStore(client, '', 5000))).call('GET', '/devices/known')
  client.destroy()
  assert.deepEqual([answer.status, answer.body.code], [503, 'STORE_BUSY'])
})

test('a database that never answers gives 503 when its time is up', async () => {
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const client = localClient(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`)
  const answer = await apiOn(lambdaWorldOn(dynamoDbStore(client, '', 200))).call('GET', '/devices/known')
  client.destroy()
  silent.closeAllConnections()
  silent.close()
  assert.deepEqual([answer.status, answer.body.code], [503, 'STORE_BUSY'])
})

test('a store that does not answer makes the health check fail', async () => {
  const timeout = new DOMException('The operation was aborted due to timeout', 'TimeoutError')
  const store = { ...(await tables.fresh()), get: () => Promise.reject(timeout) }
  const answer = await apiOn(lambdaWorldOn(store)).call('GET', '/health', { scope: 'none' })
  assert.deepEqual([answer.status, answer.body.code], [503, 'STORE_BUSY'])
})

test('an unexpected error is logged and tells the caller nothing of its cause', async () => {
  const secret = new Error('secret detail of the inside')
  const failing = apiOn(lambdaWorldOn({ ...(await tables.fresh()), get: () => Promise.reject(secret) }))
  const answer = await failing.call('GET', '/devices/known')
  assert.deepEqual([answer.status, answer.body.code], [500, 'INTERNAL'])
  assert.doesNotMatch(answer.text, /secret/)
  assert.equal(failing.world.told('request.failed')[0]?.error, secret)
})

test('metrics are flushed after an answer and after a refusal', async () => {
  const fresh = await anApi(tables)
  await fresh.call('GET', '/health')
  await fresh.call('GET', '/nowhere')
  assert.equal(fresh.world.flushes(), 2)
})
