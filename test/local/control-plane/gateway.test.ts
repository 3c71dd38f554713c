import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, test } from 'node:test'
import type { APIGatewayProxyEventV2, APIGatewayRequestAuthorizerEventV2 } from 'aws-lambda'
import type { LocalFunctions } from '../../../local/control-plane/functions.ts'
import { startGateway } from '../../../local/control-plane/gateway.ts'
import type { HttpServer } from '../../../local/control-plane/http-server.ts'

/** The last events of the functions, and their next answers. */
let heard: { authorizer?: APIGatewayRequestAuthorizerEventV2; api?: APIGatewayProxyEventV2 }
let functions: { authorizer: () => Promise<unknown>; api: () => Promise<unknown> }
let gateway: HttpServer

const granted = async () => ({ isAuthorized: true, context: { scope: 'read', keyId: 'k' } })
const recording: LocalFunctions = {
  authorizer: (event: APIGatewayRequestAuthorizerEventV2) => {
    heard = { authorizer: event }
    return functions.authorizer()
  },
  api: (event: APIGatewayProxyEventV2) => {
    heard.api = event
    return functions.api()
  },
}

before(async () => {
  gateway = await startGateway(recording)
})
after(() => gateway.close())

function withFunctions(given: Partial<typeof functions> = {}): void {
  functions = { authorizer: granted, api: async () => ({ statusCode: 204 }), ...given }
}

const call = (target: string, init: RequestInit = {}) =>
  fetch(`http://127.0.0.1:${gateway.port}${target}`, init)

test('the function sees the request in payload format 2.0', async () => {
  withFunctions()
  await call('/devices?limit=5&tag=a&tag=b', {
    headers: { 'X-Api-Key': 'secret', Cookie: 'a=1; b=2', 'User-Agent': 'test' },
  })
  const { headers, requestContext, ...event } = heard.api ?? assert.fail()
  assert.deepEqual(event, {
    version: '2.0',
    routeKey: '$default',
    rawPath: '/devices',
    rawQueryString: 'limit=5&tag=a&tag=b',
    cookies: ['a=1', 'b=2'],
    queryStringParameters: { limit: '5', tag: 'a,b' },
    isBase64Encoded: false,
  })
  assert.equal(headers['x-api-key'], 'secret')
  assert.equal(headers.cookie, undefined)
  assert.deepEqual(requestContext.http, {
    method: 'GET',
    path: '/devices',
    protocol: 'HTTP/1.1',
    sourceIp: '127.0.0.1',
    userAgent: 'test',
  })
  assert.match(requestContext.time, /^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/)
})

test('the authorizer is asked first, without the body, and its answer reaches the function', async () => {
  withFunctions()
  await call('/devices', { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })
  const { type, identitySource, routeArn } = heard.authorizer ?? assert.fail()
  assert.equal(type, 'REQUEST')
  assert.deepEqual(identitySource, [])
  assert.match(routeArn, /\$default\/POST\/devices$/)
  assert.equal('body' in (heard.authorizer ?? {}), false)
  const context = heard.api?.requestContext as { authorizer?: unknown }
  assert.deepEqual(context.authorizer, { lambda: { scope: 'read', keyId: 'k' } })
})

test('a refusal of the authorizer is a 403 of the gateway, and the function is not asked', async () => {
  withFunctions({ authorizer: async () => ({ isAuthorized: false }) })
  const answer = await call('/devices')
  assert.equal(answer.status, 403)
  assert.deepEqual(await answer.json(), { message: 'Forbidden' })
  assert.equal(heard.api, undefined)
})

test('an authorizer that throws is a 500 of the gateway, and the function is not asked', async () => {
  withFunctions({ authorizer: () => Promise.reject(new Error('broken')) })
  const answer = await call('/devices')
  assert.equal(answer.status, 500)
  assert.equal(heard.api, undefined)
})

test('a function that throws is a 500 of the gateway, which does not say why', async () => {
  withFunctions({ api: () => Promise.reject(new Error('secret')) })
  const answer = await call('/devices')
  assert.equal(answer.status, 500)
  assert.deepEqual(await answer.json(), { message: 'Internal Server Error' })
})

test('an answer in base64 is sent as bytes', async () => {
  const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x00, 0xff])
  const headers = { 'content-type': 'image/png' }
  withFunctions({
    api: async () => ({ statusCode: 200, headers, body: png.toString('base64'), isBase64Encoded: true }),
  })
  const answer = await call('/devices/a/qr')
  assert.equal(answer.headers.get('content-type'), 'image/png')
  assert.deepEqual(Buffer.from(await answer.arrayBuffer()), png)
})

test('an answer sets its cookies', async () => {
  withFunctions({ api: async () => ({ statusCode: 200, cookies: ['a=1', 'b=2'] }) })
  assert.deepEqual((await call('/')).headers.getSetCookie(), ['a=1', 'b=2'])
})

test('an answer without a status is itself the body', async () => {
  withFunctions({ api: async () => ({ hello: 'there' }) })
  const answer = await call('/')
  assert.equal(answer.status, 200)
  assert.deepEqual(await answer.json(), { hello: 'there' })
})

test('a JSON body arrives as text', async () => {
  withFunctions()
  await call('/devices', {
    method: 'POST',
    body: '{"name":"ü"}',
    headers: { 'content-type': 'application/json' },
  })
  assert.equal(heard.api?.body, '{"name":"ü"}')
  assert.equal(heard.api.isBase64Encoded, false)
})

test('a body of another type arrives in base64', async () => {
  withFunctions()
  const body = new Uint8Array([0, 255, 1])
  await call('/devices', { method: 'POST', body, headers: { 'content-type': 'application/octet-stream' } })
  assert.equal(heard.api?.body, 'AP8B')
  assert.equal(heard.api.isBase64Encoded, true)
})

test('a body over 10 MB is cut off with the 413 of the gateway', async () => {
  withFunctions()
  heard = {}
  const answer = await call('/devices', { method: 'POST', body: Buffer.alloc(10 * 1024 * 1024 + 1) })
  assert.equal(answer.status, 413)
  assert.deepEqual(await answer.json(), { message: 'Request Entity Too Large' })
  assert.equal(heard.authorizer, undefined)
})

/** Sends the target unchanged, because `fetch` would normalise it. */
function rawPathOf(target: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: gateway.port, path: target }, (answer) => {
      answer.resume()
      answer.on('end', () => resolve(heard.api?.rawPath))
    })
    asked.on('error', reject)
    asked.end()
  })
}

for (const [target, path] of [
  ['/devices/a%20b', '/devices/a b'],
  ['/devices/a%2Fb', '/devices/a/b'],
  ['/devices/a%3Fb/start', '/devices/a'],
  ['/devices/%zz', '/devices/%zz'],
  ['/devices/../servers', '/devices/../servers'],
] as const) {
  test(`the path ${target} arrives as ${path}, as API Gateway passes it on`, async () => {
    withFunctions()
    assert.equal(await rawPathOf(target), path)
  })
}
