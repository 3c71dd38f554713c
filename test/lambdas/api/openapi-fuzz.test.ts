import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { type Clock, systemClock } from '../../../core/clock.ts'
import { deviceId } from '../../../core/ids.ts'
import { recordHistory } from '../../../core/telemetry/history.ts'
import { createApiHandler } from '../../../lambdas/api.ts'
import { keyRow } from '../../../lambdas/api-keys.ts'
import { createAuthorizerHandler } from '../../../lambdas/authorizer.ts'
import { startGateway } from '../../../local/control-plane/gateway.ts'
import type { HttpServer } from '../../../local/control-plane/http-server.ts'
import { anActiveServer, embeddedTables, ownedDevices, waitingDevices } from '../../builders/builders.ts'
import { lambdaWorldOn, type TestLambdaWorld } from '../events.ts'
import { strangeCursor } from './cursor-requests.ts'
import { createJudge, type OpenApiDocument, operationsOf } from './openapi-judge.ts'
import { anyRequest, type FuzzRequest, send } from './openapi-requests.ts'

const REQUESTS = 1000
/** The fuzzer stops after this time, also before its last request. */
/** API Gateway takes so many bytes of request line and headers. */
const GATEWAY_BYTES_MAX = 10_240
/** Method, host, connection and content-length: what the client adds itself. */
const OWN_HEADER_BYTES_MAX = 200
const MS_MAX = 20_000
const API_KEYS = ['admin', 'operate', 'read'] as const

/** A hundred times as fast as real time: the wait for a pairing code takes 80 ms. */
const hurriedClock: Clock = {
  ...systemClock,
  elapsedMs: (since) => 100 * systemClock.elapsedMs(since),
  startTimer: (afterMs, run) => systemClock.startTimer(afterMs / 100, run),
}

let world: Omit<TestLambdaWorld, 'clock'> & { clock: Clock }
let gateway: HttpServer
/** A cursor of each listing. */
let cursors: string[]
/** Ends everything that was started, also when a later part did not start. */
const undo: (() => Promise<void>)[] = []

before(async () => {
  const tables = await embeddedTables()
  undo.push(() => tables.close())
  world = { ...lambdaWorldOn(await tables.fresh()), clock: hurriedClock }
  gateway = await startGateway({ api: createApiHandler(world), authorizer: createAuthorizerHandler(world) })
  undo.push(() => gateway.close())
  for (const scope of API_KEYS) await world.store.put('Keys', keyRow(scope, scope, scope, 1))
  await devicesInEveryState()
  cursors = await Promise.all(LISTINGS.map(cursorOf))
})
after(async () => {
  for (const step of undo.reverse()) await step()
})

async function devicesInEveryState(): Promise<void> {
  await waitingDevices(world, 4, 'waiting')
  await ownedDevices(world, await anActiveServer(world, 'server-1'), 8)
  const pairing = { qr: '2@ref,noise,identity,adv', since: 1, expiresAt: Date.parse('2100-01-01') }
  const code = {
    code: 'ABCD1234',
    phoneNumber: '15550100123',
    since: 1,
    expiresAt: Date.parse('2100-01-01'),
  }
  const states = [
    { status: 'pairing', pairing },
    { status: 'connected', pairedAt: 1, account: { jid: '15550100123:1@s.whatsapp.net', lid: '1@lid' } },
    { status: 'disconnected', statusReason: 'closed with 428', disconnectedAt: 1, connectedAt: 1 },
    { status: 'pairing', pairing: code },
    { status: 'connecting', conflicts: [1, 2] },
  ] as const
  for (const [number, set] of states.entries()) {
    await world.store.update(
      'Devices',
      { deviceId: deviceId(`server-1-device-${number}`) },
      { set, when: [] },
    )
  }
  await anActiveServer(world, 'server-2', { capacity: 1 })
  for (const why of ['one', 'two', 'three']) {
    await recordHistory(world, { deviceId: deviceId('waiting-0'), event: 'requested', why })
  }
}

/** The second pages of listings, with and without filters, and of a history. */
const LISTINGS = [
  '/devices',
  '/devices?status=assigned',
  '/devices?owner=server-1',
  '/devices?updatedSince=2020-01-01T00:00:00Z',
  '/devices/waiting-0/history',
]

async function cursorOf(listing: string): Promise<string> {
  const url = `http://127.0.0.1:${gateway.port}${listing}${listing.includes('?') ? '&' : '?'}limit=1`
  const { next } = (await (await fetch(url, { headers: { 'x-api-key': 'read' } })).json()) as { next: string }
  assert.ok(next, `${listing} has one page`)
  return next
}

const KNOWN = {
  ids: [
    ...Array.from({ length: 8 }, (_, number) => `server-1-device-${number}`),
    ...Array.from({ length: 4 }, (_, number) => `waiting-${number}`),
    'server-1',
    'server-2',
    'nobody',
  ],
  apiKeys: ['admin', 'admin', 'admin', 'operate', 'read'],
}

// This test runs first, because the requests of the next test delete the listed devices.
test('no listing accepts a cursor that was changed, cut, crossed or forged', async () => {
  const asked = fc.record({ cursor: strangeCursor(cursors), listing: fc.constantFrom(...LISTINGS) })
  const refused = fc.asyncProperty(asked, async ({ cursor, listing }) => {
    const url = `http://127.0.0.1:${gateway.port}${listing}${listing.includes('?') ? '&' : '?'}cursor=${cursor}`

    const { status } = await fetch(url, { headers: { 'x-api-key': 'read' } })

    assert.equal(status, 400)
  })
  await fc.assert(refused, {
    numRuns: REQUESTS,
    interruptAfterTimeLimit: MS_MAX,
    markInterruptAsFailure: false,
  })
})

test('no request gives a 5xx or an answer that the OpenAPI document does not promise', async () => {
  const document = (await (
    await fetch(`http://127.0.0.1:${gateway.port}/openapi.json`)
  ).json()) as OpenApiDocument
  const judge = createJudge(document)
  const requests = anyRequest(operationsOf(document), { ...KNOWN, cursors })
  const promised = fc.asyncProperty(requests, async (asked) => {
    const answer = await send(gateway.port, asked)
    // API Gateway refuses a request line and headers of more than 10,240 bytes itself.
    if (answer.status === 431) return assert.ok(headBytes(asked) + OWN_HEADER_BYTES_MAX > GATEWAY_BYTES_MAX)
    assert.equal(judge(asked.operation, answer), undefined)
  })
  // On a failure fast-check prints the seed and the smallest request that fails.
  await fc.assert(promised, {
    numRuns: REQUESTS,
    interruptAfterTimeLimit: MS_MAX,
    markInterruptAsFailure: false,
  })
  assert.deepEqual(world.told('request.failed'), [])
})

/** The request line and headers that the test has chosen. */
function headBytes({ target, headers }: FuzzRequest): number {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.byteLength(`${target}${lines.join('')}`)
}
