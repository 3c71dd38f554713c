import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { dynamoDbStore } from '../../../aws/dynamodb-store.ts'
import { MooringError } from '../../../core/errors.ts'
import { localClient } from '../../../local/database.ts'
import { embeddedTables, type Tables } from '../../builders/builders.ts'
import { cuttable } from '../../builders/faulty-stores.ts'
import { anApi, apiEvent, apiOn, lambdaWorldOn, type RequestOptions, type TestApi } from '../events.ts'

let tables: Tables
let api: TestApi
before(async () => {
  tables = await embeddedTables()
  api = await anApi(tables)
  await api.call('POST', '/devices', { body: { deviceId: 'known' } })
})
after(() => tables.close())

interface Refused {
  readonly what: string
  /** Method and target. */
  readonly request: string
  readonly options?: RequestOptions
  readonly code: string
  readonly status: number
}

const cases: readonly Refused[] = [
  {
    what: 'malformed JSON',
    request: 'POST /devices',
    options: { text: '{"deviceId":' },
    code: 'MALFORMED_JSON',
    status: 400,
  },
  {
    what: 'JSON that ends too deep',
    request: 'POST /devices',
    options: { text: '['.repeat(60_000) },
    code: 'MALFORMED_JSON',
    status: 400,
  },
  {
    what: 'a body that is JSON but no object',
    request: 'POST /devices',
    options: { text: '[1]' },
    code: 'BAD_REQUEST',
    status: 400,
  },
  {
    what: 'null for a body',
    request: 'POST /devices',
    options: { text: 'null' },
    code: 'BAD_REQUEST',
    status: 400,
  },
  {
    what: 'a key that reaches for the prototype',
    request: 'POST /devices',
    options: { text: '{"__proto__":{"a":1}}' },
    code: 'MALFORMED_JSON',
    status: 400,
  },
  {
    what: 'a body of another type',
    request: 'POST /devices',
    options: { text: 'a=b', contentType: 'application/x-www-form-urlencoded' },
    code: 'UNSUPPORTED_MEDIA_TYPE',
    status: 415,
  },
  {
    what: 'an unknown field',
    request: 'POST /devices',
    options: { body: { deviceId: 'a', colour: 'red' } },
    code: 'BAD_REQUEST',
    status: 400,
  },
  {
    what: 'an unknown query parameter',
    request: 'GET /devices?colour=red',
    code: 'BAD_REQUEST',
    status: 400,
  },
  {
    what: 'a number for a name',
    request: 'POST /devices',
    options: { body: { deviceId: 'a', name: 7 } },
    code: 'BAD_REQUEST',
    status: 400,
  },
  {
    what: 'an empty name',
    request: 'POST /devices',
    options: { body: { deviceId: 'a', name: '' } },
    code: 'BAD_REQUEST',
    status: 400,
  },
  {
    what: 'a name with a line break',
    request: 'POST /devices',
    options: { body: { deviceId: 'a', name: 'a\nb' } },
    code: 'BAD_REQUEST',
    status: 400,
  },
  {
    what: 'a name with half a character',
    request: 'POST /devices',
    options: { text: '{"deviceId":"a","name":"\\ud800"}' },
    code: 'BAD_REQUEST',
    status: 400,
  },
  {
    what: 'a name that is too long',
    request: 'POST /devices',
    options: { body: { deviceId: 'a', name: 'n'.repeat(129) } },
    code: 'BAD_REQUEST',
    status: 400,
  },
  {
    what: 'an id of the wrong form in the body',
    request: 'POST /devices',
    options: { body: { deviceId: '../etc' } },
    code: 'BAD_REQUEST',
    status: 400,
  },
  {
    what: 'an id of the wrong form in the path',
    request: 'GET /devices/_fleet',
    code: 'BAD_REQUEST',
    status: 400,
  },
  {
    what: 'an id that is too long',
    request: `GET /devices/${'a'.repeat(65)}`,
    code: 'BAD_REQUEST',
    status: 400,
  },
  {
    what: 'a server id of the wrong form',
    request: 'GET /servers/name%23web-1',
    code: 'BAD_REQUEST',
    status: 400,
  },
  { what: 'a limit that is no number', request: 'GET /devices?limit=many', code: 'BAD_REQUEST', status: 400 },
  { what: 'a limit of 0', request: 'GET /devices?limit=0', code: 'BAD_REQUEST', status: 400 },
  {
    what: 'a limit that is given twice',
    request: 'GET /devices?limit=1,2',
    code: 'BAD_REQUEST',
    status: 400,
  },
  { what: 'an unknown status', request: 'GET /devices?status=lost', code: 'BAD_REQUEST', status: 400 },
  {
    what: 'a time that is not one',
    request: 'GET /devices?updatedSince=yesterday',
    code: 'BAD_REQUEST',
    status: 400,
  },
  {
    what: 'an unknown QR format',
    request: 'GET /devices/known/qr?format=gif',
    code: 'BAD_REQUEST',
    status: 400,
  },
  {
    what: 'a phone number with letters',
    request: 'POST /devices/known/pairing-code',
    options: { body: { phoneNumber: '49x' } },
    code: 'BAD_REQUEST',
    status: 400,
  },
  { what: 'no phone number', request: 'POST /devices/known/pairing-code', code: 'BAD_REQUEST', status: 400 },
  { what: 'a cursor that is not one', request: 'GET /devices?cursor=xyz', code: 'BAD_CURSOR', status: 400 },
  {
    what: 'a missing key',
    request: 'GET /devices',
    options: { scope: 'none', refusal: 'API_KEY_MISSING' },
    code: 'API_KEY_MISSING',
    status: 401,
  },
  {
    what: 'an unknown key',
    request: 'GET /devices',
    options: { scope: 'none', refusal: 'API_KEY_UNKNOWN' },
    code: 'API_KEY_UNKNOWN',
    status: 401,
  },
  {
    what: 'a scope that is too low',
    request: 'POST /devices',
    options: { scope: 'read', body: {} },
    code: 'SCOPE_TOO_LOW',
    status: 403,
  },
  { what: 'an unknown device', request: 'GET /devices/nobody', code: 'DEVICE_NOT_FOUND', status: 404 },
  {
    what: 'the history of an unknown device',
    request: 'GET /devices/nobody/history',
    code: 'DEVICE_NOT_FOUND',
    status: 404,
  },
  {
    what: 'an unknown device to delete',
    request: 'DELETE /devices/nobody',
    code: 'DEVICE_NOT_FOUND',
    status: 404,
  },
  {
    what: 'an unknown device to start',
    request: 'POST /devices/nobody/start',
    code: 'DEVICE_NOT_FOUND',
    status: 404,
  },
  { what: 'an unknown server', request: 'GET /servers/nobody', code: 'SERVER_NOT_FOUND', status: 404 },
  {
    what: 'an unknown server to move to',
    request: 'POST /devices/known/reassign',
    options: { body: { serverId: 'nobody' } },
    code: 'SERVER_NOT_FOUND',
    status: 404,
  },
  { what: 'an unknown route', request: 'GET /nowhere', code: 'ROUTE_NOT_FOUND', status: 404 },
  {
    what: 'a known path with another method',
    request: 'PUT /devices/known',
    code: 'ROUTE_NOT_FOUND',
    status: 404,
  },
  {
    what: 'a body of 1 MB',
    request: 'POST /devices',
    options: { text: `"${'x'.repeat(1024 * 1024)}"` },
    code: 'BODY_TOO_LARGE',
    status: 413,
  },
]

for (const { what, request, options, code, status } of cases) {
  test(`${what} is refused with ${status} ${code}`, async () => {
    const [method = '', target = ''] = request.split(' ')
    const answer = await api.call(method, target, options)
    assert.equal(answer.status, status)
    assert.equal(answer.body.code, code)
    assert.deepEqual(Object.keys(answer.body), ['code', 'message'])
    assert.equal(answer.headers['Content-Type'], 'application/json')
  })
}

test('a body in base64 is read like any other', async () => {
  const event = apiEvent('POST', '/devices', { text: Buffer.from('{"deviceId":"known"}').toString('base64') })
  const answer = await api.send({ ...event, isBase64Encoded: true })
  assert.equal(answer.status, 200)
})

test('a body in base64 counts with its decoded bytes', async () => {
  const large = '{"deviceId":"known"}'.padEnd(60 * 1024)
  const event = apiEvent('POST', '/devices', { text: Buffer.from(large).toString('base64') })
  assert.equal((await api.send({ ...event, isBase64Encoded: true })).status, 200)
})

test('a client that sends a content type without a body is served', async () => {
  const answer = await api.call('POST', '/devices/known/start', { text: '', contentType: 'application/json' })
  assert.equal(answer.status, 202)
})

test('a store that does not answer in time gives 503 and `Retry-After`', async () => {
  const store = cuttable(await tables.fresh())
  const busy = Object.assign(new Error('Throughput exceeds the current limit'), {
    name: 'ProvisionedThroughputExceededException',
  })
  const failing = apiOn(lambdaWorldOn({ ...store, get: () => Promise.reject(busy) }))
  const answer = await failing.call('GET', '/devices/known')
  assert.equal(answer.status, 503)
  assert.equal(answer.body.code, 'STORE_BUSY')
  assert.equal(answer.headers['Retry-After'], '2')
})

test('a database that cannot be reached gives 503', async () => {
  const client = localClient('http://127.0.0.1:9')
  const answer = await apiOn(lambdaWorldOn(dynamoDbStore(client, '', 5000))).call('GET', '/devices/known')
  client.destroy()
  assert.equal(answer.status, 503)
  assert.equal(answer.body.code, 'STORE_BUSY')
})

test('a database that never answers gives 503 when its time is up', async () => {
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const client = localClient(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`)
  const answer = await apiOn(lambdaWorldOn(dynamoDbStore(client, '', 200))).call('GET', '/devices/known')
  client.destroy()
  silent.closeAllConnections()
  silent.close()
  assert.equal(answer.status, 503)
  assert.equal(answer.body.code, 'STORE_BUSY')
})

test('a store that does not answer makes the health check fail', async () => {
  const timeout = new DOMException('The operation was aborted due to timeout', 'TimeoutError')
  const store = { ...(await tables.fresh()), get: () => Promise.reject(timeout) }
  const answer = await apiOn(lambdaWorldOn(store)).call('GET', '/health', { scope: 'none' })
  assert.equal(answer.status, 503)
  assert.equal(answer.body.code, 'STORE_BUSY')
})

test('an unexpected error is logged, and the answer does not reveal its cause', async () => {
  const secret = new Error('secret detail of the inside')
  const failing = apiOn(lambdaWorldOn({ ...(await tables.fresh()), get: () => Promise.reject(secret) }))
  const answer = await failing.call('GET', '/devices/known')
  assert.equal(answer.status, 500)
  assert.equal(answer.body.code, 'INTERNAL')
  assert.doesNotMatch(answer.text, /secret/)
  assert.equal(failing.world.told('request.failed')[0]?.error, secret)
})

test('a code that is internal to Mooring does not leave the API: it becomes INTERNAL', async () => {
  const internal = new MooringError('NOT_OWNER', 'device "known" is owned by another server')
  const failing = apiOn(lambdaWorldOn({ ...(await tables.fresh()), get: () => Promise.reject(internal) }))
  const answer = await failing.call('GET', '/devices/known')
  assert.equal(answer.status, 500)
  assert.equal(answer.body.code, 'INTERNAL')
  assert.equal(failing.world.told('request.failed')[0]?.error, internal)
})

test('metrics are flushed after an answer and after a refusal', async () => {
  const fresh = await anApi(tables)
  await fresh.call('GET', '/health')
  await fresh.call('GET', '/nowhere')
  assert.equal(fresh.world.flushes(), 2)
})
