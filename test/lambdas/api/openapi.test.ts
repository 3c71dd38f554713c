import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ROUTES } from '../../../lambdas/api/routes.ts'
import { anActiveServer, anOwnedDevice, embeddedTables, type Tables } from '../../builders/builders.ts'
import { anApi, type RequestOptions, type TestApi } from '../events.ts'
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

test('the document gives the scope that each route needs', () => {
  for (const operation of operations) {
    const { path, method } = operation
    const route = ROUTES.find((one) => one.path === path && one.method.toLowerCase() === method)
    assert.equal((operation as Operation & { 'x-scope': string })['x-scope'], route?.scope, path)
  }
})

interface Call {
  readonly method: string
  /** The path of the route, as the document has it. */
  readonly path: string
  readonly target: string
  readonly options?: RequestOptions
  readonly status: number
}

const calls: readonly Call[] = [
  {
    method: 'POST',
    path: '/devices',
    target: '/devices',
    options: { body: { deviceId: 'new' } },
    status: 201,
  },
  {
    method: 'POST',
    path: '/devices',
    target: '/devices',
    options: { body: { deviceId: 'shop-17' } },
    status: 200,
  },
  { method: 'GET', path: '/devices', target: '/devices?limit=1', status: 200 },
  { method: 'GET', path: '/devices/{deviceId}', target: '/devices/shop-17', status: 200 },
  { method: 'GET', path: '/devices/{deviceId}', target: '/devices/nobody', status: 404 },
  { method: 'GET', path: '/devices/{deviceId}/history', target: '/devices/shop-17/history', status: 200 },
  { method: 'POST', path: '/devices/{deviceId}/restart', target: '/devices/shop-17/restart', status: 202 },
  {
    method: 'POST',
    path: '/devices/{deviceId}/reassign',
    target: '/devices/shop-17/reassign',
    options: { body: { serverId: 'server-1' } },
    status: 200,
  },
  { method: 'GET', path: '/devices/{deviceId}/qr', target: '/devices/shop-17/qr', status: 409 },
  { method: 'GET', path: '/servers', target: '/servers', status: 200 },
  { method: 'GET', path: '/servers/{serverId}', target: '/servers/server-1', status: 200 },
  { method: 'GET', path: '/fleet', target: '/fleet', status: 200 },
  { method: 'GET', path: '/health', target: '/health', status: 200 },
  { method: 'DELETE', path: '/devices/{deviceId}', target: '/devices/new', status: 202 },
  { method: 'DELETE', path: '/devices/{deviceId}', target: '/devices/shop-17', status: 202 },
]

for (const { method, path, target, options, status } of calls) {
  test(`${method} ${target} answers ${status} as documented`, async () => {
    const answer = await api.call(method, target, options)
    const contentType = answer.headers['content-type'] ?? answer.headers['Content-Type'] ?? ''
    assert.equal(answer.status, status)
    const wrong = judge(operationOf(method, path), { status, contentType, body: Buffer.from(answer.text) })
    assert.equal(wrong, undefined)
  })
}

test('an answer that is not documented would be found', () => {
  const body = Buffer.from('{"deviceId":"shop-17","deleted":true,"more":1}')
  const answer = { status: 200, contentType: 'application/json', body }
  assert.match(judge(operationOf('DELETE', '/devices/{deviceId}'), answer) ?? '', /additional properties/)
  assert.match(
    judge(operationOf('GET', '/health'), { ...answer, status: 418 }) ?? '',
    /418 is not documented/,
  )
})
