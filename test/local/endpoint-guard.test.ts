/** Every kind of endpoint that the local fleet opens, asked as web pages, strangers and forgers would ask. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { type RequestOptions, request } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { DynamoDBClient, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb'
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import WebSocket from 'ws'
import { systemClock } from '../../core/clock.ts'
import { systemRandom } from '../../core/random.ts'
import { listen } from '../../hosts/server/listener.ts'
import { startGateway } from '../../local/control-plane/gateway.ts'
import { startLambdaEndpoint } from '../../local/control-plane/lambda-endpoint.ts'
import { LOCAL_CREDENTIALS, LOCAL_REGION, type LocalDatabase, startDatabase } from '../../local/database.ts'
import { startEcsEndpoint } from '../../local/ecs-endpoint.ts'
import { type Simulator, startWhatsAppSimulator } from '../../local/whatsapp/simulator.ts'

const SECRET = 'sixteen-and-more'
const PUT_KEY = JSON.stringify({ TableName: 'Mooring-Keys', Item: { keyId: { S: 'forged' } } })

/** What was carried out that nobody may ask for. */
const done: string[] = []
const undo: (() => Promise<void>)[] = []
let database: LocalDatabase
let simulator: Simulator

interface Door {
  readonly port: number
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}
const doors: Record<string, Door> = {}

before(async () => {
  database = await startDatabase()
  undo.push(() => database.close())
  const lambda = await startLambdaEndpoint({ api: async () => done.push('lambda') }, () => undefined)
  undo.push(() => lambda.close())
  const stopTask = () => done.push('ecs') > 0
  const ecs = await startEcsEndpoint({ stopTask } as never)
  undo.push(() => ecs.close())
  const authorizer = async () => ({ isAuthorized: true, context: {} })
  const gateway = await startGateway({
    authorizer,
    api: async () => ({ statusCode: done.push('api') && 200 }),
  })
  undo.push(() => gateway.close())
  simulator = await startWhatsAppSimulator()
  undo.push(() => simulator.close())
  const telemetry = { emit: () => undefined }
  const world = { clock: systemClock, random: systemRandom, telemetry }
  const options = { host: '127.0.0.1', port: 0, doorbellSecret: SECRET, messagesSecret: SECRET, ...world }
  const health = () => {
    done.push('health')
    return { leaseValid: true } as never
  }
  const server = await listen(options, () => ({ health, ring: () => done.push('ring') }) as never)
  undo.push(() => server.close())
  const amz = { 'content-type': 'application/x-amz-json-1.0' }
  const portOf = (url: string) => Number(new URL(url).port)
  Object.assign(doors, {
    database: {
      port: portOf(database.endpoint),
      method: 'POST',
      path: '/',
      headers: { ...amz, 'x-amz-target': 'DynamoDB_20120810.PutItem' },
      body: PUT_KEY,
    },
    lambda: {
      port: lambda.port,
      method: 'POST',
      path: '/2015-03-31/functions/mooring-api/invocations',
      headers: {},
      body: '{}',
    },
    ecs: {
      port: ecs.port,
      method: 'POST',
      path: '/',
      headers: { ...amz, 'x-amz-target': 'AmazonEC2ContainerServiceV20141113.StopTask' },
      body: '{"task":"a"}',
    },
    api: { port: gateway.port, method: 'GET', path: '/devices', headers: {} },
    control: {
      port: portOf(simulator.controlUrl),
      method: 'DELETE',
      path: '/report',
      headers: { authorization: `Bearer ${simulator.controlToken}` },
    },
    'server of devices': { port: server.port, method: 'GET', path: '/health', headers: {} },
    'WhatsApp socket': { port: portOf(simulator.url), method: 'GET', path: '/ws/chat', headers: {} },
  } satisfies Record<string, Door>)
})
after(async () => {
  for (const step of undo.reverse()) await step()
})

interface Answer {
  readonly status: number
  readonly headers: Record<string, unknown>
  readonly body: string
}

function ask(door: Door, changes: Partial<RequestOptions> = {}): Promise<Answer> {
  const headers = { ...door.headers, ...(changes.headers as Record<string, string>) }
  return new Promise((resolve, reject) => {
    const asked = request({ ...door, ...changes, host: '127.0.0.1', headers }, async (answer) => {
      const body = Buffer.concat(await answer.toArray()).toString()
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body })
    })
    asked.once('error', reject)
    asked.end(door.body)
  })
}

const ENDPOINTS = ['database', 'lambda', 'ecs', 'api', 'control', 'server of devices', 'WhatsApp socket']
const PAGES: Record<string, Record<string, string>> = {
  'an Origin': { origin: 'http://evil.example' },
  'the Origin null of a sandbox': { origin: 'null' },
  'an Origin of this machine': { origin: 'http://127.0.0.1:3000' },
  'an Origin that begins as the one of WhatsApp': { origin: 'https://web.whatsapp.com.evil.example' },
  'Sec-Fetch-Site: cross-site': { 'sec-fetch-site': 'cross-site' },
  'Sec-Fetch-Site: same-site': { 'sec-fetch-site': 'same-site' },
  'Sec-Fetch-Site: same-origin': { 'sec-fetch-site': 'same-origin' },
  'a preflight': { 'access-control-request-method': 'POST' },
  'a foreign Host': { host: 'evil.example' },
  'a Host that was rebound': { host: '127.0.0.1.evil.example:3000' },
  'a Host with a user': { host: 'localhost@evil.example' },
  'a Host with a dot behind it': { host: 'localhost.' },
}

describe('what a web page sends is refused', () => {
  for (const endpoint of ENDPOINTS) {
    for (const [what, headers] of Object.entries(PAGES)) {
      test(`${endpoint}: ${what}`, async () => {
        const door = doors[endpoint] as Door
        const { status, headers: answered, body } = await ask(door, { headers })
        assert.match(`${status} ${body}`, /^(403 .*FOREIGN_ORIGIN|421 .*FOREIGN_HOST)/)
        assert.deepEqual(
          Object.keys(answered).filter((name) => name.startsWith('access-control')),
          [],
        )
      })
    }
  }

  for (const endpoint of ENDPOINTS) {
    test(`${endpoint}: OPTIONS gets no permission`, async () => {
      const door = doors[endpoint] as Door
      const { status, headers } = await ask(door, {
        method: 'OPTIONS',
        headers: { origin: 'http://evil.example' },
      })
      assert.equal(status, 403)
      assert.equal(headers['access-control-allow-origin'], undefined)
    })
  }

  for (const endpoint of ENDPOINTS) {
    test(`${endpoint}: a request target with a host of its own`, async () => {
      const { status } = await ask(doors[endpoint] as Door, { path: 'http://evil.example/' })
      assert.equal(status, 421)
    })
  }

  for (const endpoint of ['lambda', 'ecs', 'api', 'control']) {
    test(`${endpoint}: another port in Host`, async () => {
      const { status } = await ask(doors[endpoint] as Door, { headers: { host: '127.0.0.1:1' } })
      assert.equal(status, 421)
    })
  }

  test('nothing of all this was carried out', async () => {
    assert.deepEqual(done, [])
    const { Items } = await database.client.send(new ScanCommand({ TableName: 'Mooring-Keys' }))
    assert.deepEqual(Items, [])
  })
})

describe('by the names of this machine every endpoint is there', () => {
  for (const host of ['127.0.0.1', 'localhost', '[::1]', 'LOCALHOST']) {
    test(host, async () => {
      const door = doors.api as Door
      assert.equal((await ask(door, { headers: { host: `${host}:${door.port}` } })).status, 200)
    })
  }

  test('a person may type an address into a browser', async () => {
    assert.equal((await ask(doors.api as Door, { headers: { 'sec-fetch-site': 'none' } })).status, 200)
  })
})

describe('without the credential of this run nothing is carried out', () => {
  before(() => done.splice(0))

  for (const endpoint of ['database', 'lambda', 'ecs']) {
    test(`${endpoint}: a request that is not signed`, async () => {
      const { status, body } = await ask(doors[endpoint] as Door)
      assert.match(`${status} ${body}`, /^4\d\d .*missing Authentication Token/i)
    })

    test(`${endpoint}: a header that only looks like a signature`, async () => {
      const scope = `${LOCAL_CREDENTIALS.accessKeyId}/20300101/eu-west-1/${endpoint}/aws4_request`
      const authorization = `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=${'0'.repeat(64)}`
      const { status, body } = await ask(doors[endpoint] as Door, { headers: { authorization } })
      assert.match(`${status} ${body}`, /^4\d\d .*not signed as it is/)
    })
  }

  for (const [what, credentials] of [
    ['of another run', { accessKeyId: 'LOCAL0123456789ABCDEF', secretAccessKey: 'local' }],
    ['as they were before', { accessKeyId: 'local', secretAccessKey: 'local' }],
  ] as const) {
    test(`credentials ${what} are unknown to the database`, async () => {
      const client = new DynamoDBClient({ endpoint: database.endpoint, region: LOCAL_REGION, credentials })
      const put = new PutItemCommand({ TableName: 'Mooring-Keys', Item: { keyId: { S: 'forged' } } })
      await assert.rejects(client.send(put), { name: 'UnrecognizedClientException' })
      client.destroy()
    })

    test(`credentials ${what} invoke no function`, async () => {
      const endpoint = `http://127.0.0.1:${doors.lambda?.port}`
      const client = new LambdaClient({ endpoint, region: LOCAL_REGION, credentials })
      const invoke = new InvokeCommand({ FunctionName: 'mooring-api', Payload: Buffer.from('{}') })
      await assert.rejects(client.send(invoke), { name: 'UnrecognizedClientException' })
      client.destroy()
    })
  }

  test('the right key id with a wrong secret signs nothing', async () => {
    const credentials = { ...LOCAL_CREDENTIALS, secretAccessKey: 'wrong' }
    const client = new DynamoDBClient({ endpoint: database.endpoint, region: LOCAL_REGION, credentials })
    const put = new PutItemCommand({ TableName: 'Mooring-Keys', Item: { keyId: { S: 'forged' } } })
    await assert.rejects(client.send(put), { name: 'InvalidSignatureException' })
    client.destroy()
  })

  test('a signed request whose body was changed on its way is refused', async () => {
    const client = new DynamoDBClient({
      endpoint: database.endpoint,
      region: LOCAL_REGION,
      credentials: LOCAL_CREDENTIALS,
    })
    client.middlewareStack.add(
      (next) => (args) => {
        const sent = args.request as { body: string; headers: Record<string, string> }
        sent.body = sent.body.replace('honest', 'forged')
        sent.headers['x-amz-content-sha256'] = createHash('sha256').update(sent.body).digest('hex')
        return next(args)
      },
      { step: 'finalizeRequest', priority: 'low' },
    )
    const put = new PutItemCommand({ TableName: 'Mooring-Keys', Item: { keyId: { S: 'honest' } } })
    await assert.rejects(client.send(put), { name: 'InvalidSignatureException' })
    client.destroy()
  })

  for (const [what, headers] of [
    ['none', {}],
    ['another token', { authorization: 'Bearer token' }],
    ['an empty one', { authorization: 'Bearer ' }],
  ] as const) {
    test(`control: ${what}`, async () => {
      const { status } = await ask(
        { ...(doors.control as Door), headers: {} },
        { headers: { ...headers } as never },
      )
      assert.equal(status, 401)
    })
  }

  test('nothing of all this was carried out', async () => {
    assert.deepEqual(done, [])
    const { Items } = await database.client.send(new ScanCommand({ TableName: 'Mooring-Keys' }))
    assert.deepEqual(Items, [])
  })
})

describe('the WebSocket of the simulated WhatsApp', () => {
  const opens = (url: string, options: WebSocket.ClientOptions) =>
    new Promise<string>((resolve) => {
      const socket = new WebSocket(url, options)
      socket.once('open', () => {
        socket.terminate()
        resolve('open')
      })
      socket.once('error', (error) => resolve(error.message))
    })

  test('opens for the real client, which says that it is a page of WhatsApp', async () => {
    assert.equal(await opens(simulator.url, { origin: 'https://web.whatsapp.com' }), 'open')
  })

  for (const origin of [
    'http://evil.example',
    'null',
    'http://web.whatsapp.com',
    'https://web.whatsapp.com.evil.example',
  ]) {
    test(`does not open for ${origin}, whatever it knows`, async () => {
      assert.match(await opens(simulator.url, { origin }), /403/)
    })
  }

  test('does not open by a name that was rebound', async () => {
    const headers = { host: 'evil.example' }
    assert.match(await opens(simulator.url, { origin: 'https://web.whatsapp.com', headers }), /421/)
  })

  for (const path of ['/ws/chat', '/ws/chat/', '/ws/chat/guessed', '/']) {
    test(`does not open at ${path}: it lacks the secret of this run`, async () => {
      const url = new URL(path, simulator.url).href
      assert.match(await opens(url, { origin: 'https://web.whatsapp.com' }), /socket hang up|ECONNRESET/)
    })
  }
})
