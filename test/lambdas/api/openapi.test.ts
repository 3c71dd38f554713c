import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ROUTES } from '../../../lambdas/api/routes.ts'
import { anActiveServer, anOwnedDevice, embeddedTables, type Tables } from '../../builders/builders.ts'
import { anApi, type TestApi } from '../events.ts'
import {
  createJudge,
  type Judge,
  type OpenApiDocument,
  type Operation,
  operationsOf,
} from './openapi-judge.ts'

let tables: Tables
let api: TestApi
let judge: Judge
let operations: Operation[]
before(async () => {
  tables = await embeddedTables()
  api = await anApi(tables)
  const document: OpenApiDocument = (await api.call('GET', '/openapi.json', { scope: 'none' })).body
  judge = createJudge(document)
  operations = operationsOf(document)
  await anOwnedDevice(api.world, await anActiveServer(api.world, 'server-1'), 'shop-17')
})
after(() => tables.close())

function operationOf(method: string, path: string): Operation {
  const found = operations.find(
    (operation) => operation.path === path && operation.method === method.toLowerCase(),
  )
  assert.ok(found)
  return found
}

test('the document describes every route and no other', () => {
  assert.deepEqual(
    operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`).toSorted(),
    ROUTES.map(({ method, path }) => `${method} ${path}`).toSorted(),
  )
})

test('the document says which scope a route needs', () => {
  assert.deepEqual(
    operations.map((operation) => [
      operation.path,
      (operation as Operation & { 'x-scope': string })['x-scope'],
    ]),
    operations.map(({ path, method }) => [
      path,
      ROUTES.find((route) => route.path === path && route.method.toLowerCase() === method)?.scope,
    ]),
  )
})

const calls = [
  ['POST', '/devices', '/devices', { body: { deviceId: 'new' } }, 201],
  ['POST', '/devices', '/devices', { body: { deviceId: 'shop-17' } }, 200],
  ['GET', '/devices', '/devices?limit=1', {}, 200],
  ['GET', '/devices/{deviceId}', '/devices/shop-17', {}, 200],
  ['GET', '/devices/{deviceId}', '/devices/nobody', {}, 404],
  ['GET', '/devices/{deviceId}/history', '/devices/shop-17/history', {}, 200],
  ['POST', '/devices/{deviceId}/restart', '/devices/shop-17/restart', {}, 202],
  [
    'POST',
    '/devices/{deviceId}/reassign',
    '/devices/shop-17/reassign',
    { body: { serverId: 'server-1' } },
    200,
  ],
  ['GET', '/devices/{deviceId}/qr', '/devices/shop-17/qr', {}, 409],
  ['GET', '/servers', '/servers', {}, 200],
  ['GET', '/servers/{serverId}', '/servers/server-1', {}, 200],
  ['GET', '/fleet', '/fleet', {}, 200],
  ['GET', '/health', '/health', {}, 200],
  ['DELETE', '/devices/{deviceId}', '/devices/new', {}, 202],
  ['DELETE', '/devices/{deviceId}', '/devices/shop-17', {}, 202],
] as const

for (const [method, path, target, wish, status] of calls) {
  test(`${method} ${target} answers ${status} as documented`, async () => {
    const answer = await api.call(method, target, wish)
    const contentType = answer.headers['content-type'] ?? answer.headers['Content-Type'] ?? ''
    assert.equal(answer.status, status)
    const wrong = judge(operationOf(method, path), { status, contentType, body: Buffer.from(answer.text) })
    assert.equal(wrong, undefined)
  })
}

test('an answer that is not documented is told apart', () => {
  const body = Buffer.from('{"deviceId":"shop-17","deleted":true,"more":1}')
  const answer = { status: 200, contentType: 'application/json', body }
  assert.match(judge(operationOf('DELETE', '/devices/{deviceId}'), answer) ?? '', /additional properties/)
  assert.match(
    judge(operationOf('GET', '/health'), { ...answer, status: 418 }) ?? '',
    /418 is not documented/,
  )
})
