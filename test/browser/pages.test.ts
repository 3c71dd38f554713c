/** A page in a real browser tries to reach every endpoint of a running local fleet. The page may read
 *  nothing, and none of its requests may be carried out. Needs Chromium: on the path, or at CHROMIUM. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import { readLedger } from '../../core/balance/ledger.ts'
import { asOperation } from '../../core/store/operation-row.ts'
import { scanAll } from '../../core/store/store.ts'
import { type LocalFleet, startFleet } from '../../local/fleet.ts'
import { attack, gains, type Target } from './page.ts'

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium'
/** The browser is told that this name is 127.0.0.1, as a rebound name would be. */
const REBOUND = 'evil.example'
const API_KEY = 'a-key-that-the-page-has-stolen'
/** Features of the browser that keep pages from the addresses of this machine. Not every browser has them. */
const LOCAL_NETWORK_GUARDS = [
  'LocalNetworkAccessChecks',
  'BlockInsecurePrivateNetworkRequests',
  'PrivateNetworkAccessSendPreflights',
]

let fleet: LocalFleet
let browser: Browser
let evil: Server
let evilOrigin: string
/** The requests that arrived at the page's own server, by method and path. */
const arrived: string[] = []
const undo: (() => Promise<unknown>)[] = []
let begun: State

/** Everything that an endpoint could have changed. */
interface State {
  readonly keys: number
  readonly devices: number
  readonly servers: readonly string[]
  readonly operations: number
  readonly rebalancingPausedBy: string | undefined
  readonly reportSince: string
  readonly accounts: number
}

async function stateOf({ store, simulator, servers }: LocalFleet): Promise<State> {
  assert.ok(simulator)
  return {
    keys: (await scanAll(store, 'Keys', {})).length,
    devices: (await scanAll(store, 'Devices', {})).length,
    servers: servers().map(({ name, pid }) => `${name} ${pid}`),
    operations: (await scanAll(store, 'Operations', {})).flatMap((item) => asOperation(item) ?? []).length,
    rebalancingPausedBy: (await readLedger(store)).paused?.by,
    reportSince: String(simulator.report().since),
    accounts: simulator.accounts().length,
  }
}

before(async () => {
  const logDir = mkdtempSync(join(tmpdir(), 'mooring-pages-'))
  undo.push(async () => rmSync(logDir, { recursive: true }))
  fleet = await startFleet({ servers: 1, logDir, apiKey: API_KEY, messages: { secret: 'sixteen-and-more' } })
  undo.push(() => fleet.close())
  evil = createServer((request, response) => {
    arrived.push(`${request.method} ${request.url}`)
    response.setHeader('access-control-allow-origin', '*')
    response.setHeader('access-control-allow-headers', '*')
    response.setHeader('access-control-allow-methods', '*')
    response.setHeader('content-type', 'text/html').end('<!doctype html><body>a page</body>')
  }).listen(0, '127.0.0.1')
  await once(evil, 'listening')
  undo.push(async () => evil.closeAllConnections())
  undo.push(async () => evil.close())
  evilOrigin = `http://127.0.0.1:${(evil.address() as AddressInfo).port}`
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--no-sandbox',
      `--host-resolver-rules=MAP ${REBOUND} 127.0.0.1`,
      // The endpoints have to defend themselves.
      `--disable-features=${LOCAL_NETWORK_GUARDS.join(',')}`,
    ],
  })
  undo.push(() => browser.close())
  begun = await stateOf(fleet)
})
after(async () => {
  for (const step of undo.reverse()) await step()
})

async function aPage(url: string): Promise<Page> {
  const page = await browser.newPage()
  await page.goto(url)
  return page
}

const amz = (target: string) => ({ 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': target })
const invocation = { 'x-amz-invocation-type': 'Event' }

/** The worst request for each endpoint. */
function targets(): Record<string, Target> {
  const { database, controlPlane, ecsEndpoint, apiUrl, simulator } = fleet
  assert.ok(simulator)
  const [server] = fleet.servers()
  assert.ok(server)
  const put = { TableName: 'Mooring-Keys', Item: { keyId: { S: 'forged' }, scope: { S: 'admin' } } }
  const functionAt = (name: string) =>
    `${controlPlane.lambdaEndpoint}/2015-03-31/functions/mooring-${name}/invocations`
  const forged = {
    version: '2.0',
    rawPath: '/devices',
    headers: { 'content-type': 'application/json' },
    requestContext: {
      http: { method: 'POST', path: '/devices' },
      authorizer: { lambda: { keyId: 'forged', scope: 'admin' } },
    },
    body: '{"deviceId":"forged"}',
  }
  return {
    database: {
      url: `${database.endpoint}/`,
      body: JSON.stringify(put),
      headers: amz('DynamoDB_20120810.PutItem'),
    },
    'the function api': { url: functionAt('api'), body: JSON.stringify(forged), headers: invocation },
    'the function doorbell': {
      url: functionAt('doorbell'),
      body: JSON.stringify({ servers: [{ serverId: 'forged', url: evilOrigin }] }),
      headers: invocation,
    },
    ECS: {
      url: `${ecsEndpoint}/`,
      body: JSON.stringify({ task: server.taskArn }),
      headers: amz('AmazonEC2ContainerServiceV20141113.StopTask'),
    },
    API: {
      url: `${apiUrl}/devices`,
      body: '{"deviceId":"forged"}',
      headers: { 'content-type': 'application/json', 'x-api-key': API_KEY },
    },
    "the API's public part": { url: `${apiUrl}/openapi.json`, body: '{}', headers: { 'x-api-key': API_KEY } },
    'the control of WhatsApp': {
      url: `${simulator.controlUrl}/report`,
      body: '{"qr":"forged"}',
      headers: { authorization: `Bearer ${simulator.controlToken}` },
    },
    'the socket of WhatsApp': {
      url: simulator.url.replace('ws', 'http'),
      body: '{}',
      headers: { 'x-of-a-page': 'yes' },
    },
    'the doorbell of a server': {
      url: `${server.url}/doorbell`,
      body: '{"serverId":"forged"}',
      headers: { 'x-mooring-time': '1', 'x-mooring-signature': 'forged' },
    },
    'the health of a server': { url: `${server.url}/health`, body: '{}', headers: { 'x-of-a-page': 'yes' } },
  }
}

const NAMES = [
  'database',
  'the function api',
  'the function doorbell',
  'ECS',
  'API',
  "the API's public part",
  'the control of WhatsApp',
  'the socket of WhatsApp',
  'the doorbell of a server',
  'the health of a server',
]

test('this browser lets pages reach this machine, so the endpoints below defend themselves', async () => {
  const page = await aPage(`http://${REBOUND}:${new URL(evilOrigin).port}/`)
  const target = { url: `${evilOrigin}/open`, body: '{"a":1}', headers: { 'x-of-a-page': 'yes' } }
  const gained = gains(await attack(page, target))
  await page.close()
  const sent = arrived.filter((what) => what.endsWith('/open'))
  assert.ok(gained.length >= 6, gained.join('\n'))
  assert.ok(sent.filter((what) => what.startsWith('POST')).length >= 8, sent.join('\n'))
})

describe('a page of another origin gains nothing', () => {
  for (const name of NAMES) {
    test(name, async () => {
      const target = targets()[name]
      assert.ok(target)
      const page = await aPage(`${evilOrigin}/`)
      const byAddress = gains(await attack(page, target))
      const byName = gains(
        await attack(page, { ...target, url: target.url.replace('127.0.0.1', 'localhost') }),
      )
      await page.close()
      assert.deepEqual([...byAddress, ...byName], [])
    })
  }
})

describe('a page whose name points here, so that it has the same origin, gains nothing', () => {
  for (const name of NAMES) {
    test(name, async () => {
      const target = targets()[name]
      assert.ok(target)
      const url = new URL(target.url)
      url.hostname = REBOUND
      const page = await browser.newPage()
      const answer = await page.goto(url.origin)
      const seen = await attack(page, { ...target, url: url.href })
      await page.close()
      assert.equal(answer?.status(), 421)
      // The page may read the refusal of its own origin, and nothing else.
      assert.deepEqual(
        gains(seen).filter((gained) => !/: read 421 (\{"code":"FOREIGN_HOST"|$)/.test(gained)),
        [],
      )
    })
  }
})

test('no request was carried out: no key, no device, no ring, no task stopped, nothing reset', async () => {
  // A function would have run its events by now.
  await new Promise((resolve) => setTimeout(resolve, 1000))
  assert.deepEqual(await stateOf(fleet), begun)
  assert.deepEqual(
    arrived.filter((what) => what.includes('/doorbell')),
    [],
  )
})

test('a program with the credentials of the run is served meanwhile', async () => {
  const headers = { 'x-api-key': API_KEY, 'content-type': 'application/json' }
  const body = '{"deviceId":"honest"}'
  const answer = await fetch(`${fleet.apiUrl}/devices`, { method: 'POST', headers, body })
  assert.equal(answer.status, 201)
})
