import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { dynamoDbStore } from '../../aws/dynamodb-store.ts'
import { systemClock } from '../../core/clock.ts'
import { deviceId, serverId } from '../../core/ids.ts'
import { activate, announce, reserve } from '../../core/protocol/membership.ts'
import { claim, permit, readDevice, register } from '../../core/protocol/ownership.ts'
import { QUARANTINE_POINTS } from '../../core/protocol/suspicion.ts'
import type { Store } from '../../core/store/store.ts'
import type { TableName } from '../../core/store/tables.ts'
import { keyRow, newApiKey } from '../../lambdas/api-keys.ts'
import { build } from '../../lib/bundle.ts'
import { TABLE_USES, type Uses } from '../../lib/permissions.ts'
import { LOCAL_CREDENTIALS, LOCAL_REGION } from '../../local/database.ts'
import { type AwsStandIn, startAwsStandIn } from './aws-stand-in.ts'
import { synthesiseBundles } from './synthesised.ts'

const BYTES_MAX = 1_000_000
const PREFIX = 'Mooring-'
const OPERATIONS = `${PREFIX}Operations`
const require = createRequire(import.meta.url)

/** The AWS clients that each function uses, and so may carry. */
const CLIENTS = {
  api: ['client-dynamodb', 'client-ecs', 'client-lambda', 'lib-dynamodb'],
  authorizer: ['client-dynamodb', 'lib-dynamodb'],
  sweep: ['client-dynamodb', 'client-ecs', 'client-lambda', 'lib-dynamodb'],
  'task-stopped': ['client-dynamodb', 'client-lambda', 'lib-dynamodb'],
  assign: ['client-dynamodb', 'client-lambda', 'lib-dynamodb'],
  doorbell: [],
  'first-key': ['client-dynamodb', 'client-secrets-manager', 'lib-dynamodb'],
} as const satisfies Record<string, readonly string[]>
type Entry = keyof typeof CLIENTS

const ENTRIES = Object.keys(CLIENTS) as Entry[]
const folders = synthesiseBundles(ENTRIES)
const fileOf = (entry: Entry) => join(folders.get(entry) ?? assert.fail(), 'index.js')

let aws: AwsStandIn
let store: Store
const apiKey = newApiKey()
const TASK = recorded('task-stopped').detail.taskArn

before(async () => {
  aws = await startAwsStandIn()
  store = dynamoDbStore(aws.database.client, PREFIX, 5000)
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: aws.url,
    AWS_REGION: LOCAL_REGION,
    AWS_ACCESS_KEY_ID: LOCAL_CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: LOCAL_CREDENTIALS.secretAccessKey,
    TABLE_PREFIX: PREFIX,
    DOORBELL_FUNCTION: 'mooring-doorbell',
    DOORBELL_SECRET: 'a secret of the test fleet',
    CURSOR_SECRET: 'a secret of the test cursors',
    SWEEP_LOOKS_FOR_MS: '1500',
    ECS_CLUSTER: 'Mooring-Cluster',
    ECS_SERVICE: 'Mooring-Service',
    API_KEY_SECRET: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:key',
  })
  await store.put('Keys', keyRow(apiKey, 'admin', 'test', systemClock.wallMs()))
  const server = { serverId: serverId('server-1'), name: 'one', url: aws.url, capacity: 10, taskArn: TASK }
  await announce(store, systemClock, server)
  await activate(store, server.serverId)
})

after(() => aws.close())

// biome-ignore lint/suspicious/noExplicitAny: events of many shapes, as AWS sends them
function recorded(entry: string): any {
  return JSON.parse(readFileSync(new URL(`./events/${entry}.json`, import.meta.url), 'utf8'))
}

/** Another request with the headers and the caller of the recorded one. */
function apiRequest(method: string, { rawPath, body }: { rawPath: string; body?: string }) {
  const { body: _body, ...event } = recorded('api')
  const http = { ...event.requestContext.http, method, path: rawPath }
  return { ...event, rawPath, requestContext: { ...event.requestContext, http }, ...(body ? { body } : {}) }
}

/** Imports the bundle as Lambda does, and invokes it. @returns its answer, and what it asked of AWS meanwhile */
async function invoke(entry: Entry, event: unknown) {
  const { handler } = require(fileOf(entry))
  const from = aws.calls.length
  const context = { functionName: entry, awsRequestId: 'test', getRemainingTimeInMillis: () => 60_000 }
  const answer = await handler(event, context)
  const calls = aws.calls.slice(from)
  assertAllowed(entry, calls)
  return { answer, calls }
}

/** What a function asked of DynamoDB is what lib/permissions.ts lets it do. */
function assertAllowed(entry: Entry, calls: AwsStandIn['calls']): void {
  const uses: Uses = TABLE_USES[entry]
  for (const { action, body } of calls.filter(({ service }) => service === 'dynamodb')) {
    const names: string[] = body.RequestItems ? Object.keys(body.RequestItems) : [body.TableName]
    for (const name of names) {
      const use = uses[name.slice(PREFIX.length) as TableName]
      const { actions = [], indexes = [] } = use ?? {}
      assert.ok((actions as readonly string[]).includes(action), `${entry}: ${action} on ${name}`)
      if (body.IndexName) assert.ok(indexes.includes(body.IndexName), `${entry}: index ${body.IndexName}`)
    }
  }
}

describe('each bundle', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'mooring-scratch-'))
  for (const entry of ENTRIES) {
    test(`${entry} is below 1 MB, and carries only the AWS clients that it uses`, (context) => {
      const { size } = statSync(fileOf(entry))
      context.diagnostic(`${entry}: ${Math.round(size / 1024)} KiB`)
      assert.ok(size < BYTES_MAX, `${size} bytes`)
      const inputs = Object.values(build(entry, join(scratch, 'index.js')).outputs).flatMap((output) =>
        Object.entries(output.inputs),
      )
      const packages = inputs
        .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
        .flatMap(([path]) => /@aws-sdk\/((?:client|lib)-[\w-]+)\//.exec(path)?.[1] ?? [])
      assert.deepEqual([...new Set(packages)].sort(), CLIENTS[entry])
      assert.equal(readFileSync(fileOf(entry), 'utf8'), readFileSync(join(scratch, 'index.js'), 'utf8'))
    })
  }

  test('is one of its own: no two functions run the same code', () => {
    assert.equal(new Set(folders.values()).size, ENTRIES.length)
  })
})

describe('the bundles, invoked as AWS would', () => {
  test('first-key puts the key into the secret and its hash into the table, and answers CloudFormation', async () => {
    const { calls } = await invoke('first-key', {
      ...recorded('first-key'),
      ResponseURL: `${aws.url}/answer`,
    })
    const kept = calls.find(({ service }) => service === 'secretsmanager')
    assert.match(kept?.body.SecretString, /^mooring_/)
    const answered = calls.find(({ action }) => action === 'PUT /answer')
    assert.equal(answered?.body.Status, 'SUCCESS')
    const keyed = { ...recorded('authorizer') }
    keyed.headers['x-api-key'] = kept?.body.SecretString
    const { answer } = await invoke('authorizer', keyed)
    assert.equal(answer.context.scope, 'admin')
  })

  test('first-key makes no second key when the stack changes or goes', async () => {
    for (const RequestType of ['Update', 'Delete']) {
      const event = { ...recorded('first-key'), ResponseURL: `${aws.url}/answer`, RequestType }
      const { calls } = await invoke('first-key', event)
      assert.deepEqual(
        calls.map(({ action }) => action),
        ['PUT /answer'],
      )
    }
  })

  test('authorizer lets every request pass, and says who asks', async () => {
    const event = recorded('authorizer')
    event.headers['x-api-key'] = apiKey
    const { answer } = await invoke('authorizer', event)
    assert.equal(answer.isAuthorized, true)
    assert.equal(answer.context.scope, 'admin')
  })

  test('api registers a device, gives it a server and has that server rung', async () => {
    const { answer, calls } = await invoke('api', recorded('api'))
    assert.equal(answer.statusCode, 201, answer.body)
    assert.equal((await readDevice(store, deviceId('shop-1'))).owner, 'server-1')
    const rung = calls.filter(({ service }) => service === 'lambda')
    assert.match(rung[0]?.action ?? '', /\/functions\/mooring-doorbell\/invocations/)
  })

  test('api drains a server, and calls it off', async () => {
    const drain = { rawPath: '/servers/server-1/drain', body: '{"partly": true}' }
    const begun = await invoke('api', apiRequest('POST', drain))
    assert.equal(begun.answer.statusCode, 202, begun.answer.body)
    await invoke('sweep', recorded('sweep'))
    const listed = await invoke('api', apiRequest('GET', { rawPath: '/operations' }))
    assert.equal(JSON.parse(listed.answer.body).operations.length, 1)
    const ended = await invoke('api', apiRequest('DELETE', { rawPath: '/servers/server-1/drain' }))
    assert.equal(ended.answer.statusCode, 200, ended.answer.body)
  })

  test('api stops the task of a server that is given up', async () => {
    const evict = { rawPath: '/servers/server-1/evict', body: '{"stopTask": true}' }
    const { answer, calls } = await invoke('api', apiRequest('POST', evict))
    assert.equal(answer.statusCode, 202, answer.body)
    assert.ok(calls.some(({ service, action }) => service === 'ecs' && action === 'StopTask'))
  })

  test('api pauses the rebalancing, and lets it go on', async () => {
    for (const body of ['{"paused": true}', '{"paused": false}']) {
      const { answer, calls } = await invoke(
        'api',
        apiRequest('POST', { rawPath: '/fleet/rebalancing', body }),
      )
      assert.equal(answer.statusCode, 200, answer.body)
      assert.ok(calls.some(({ body, action }) => action === 'UpdateItem' && body.TableName === OPERATIONS))
    }
  })

  test('doorbell rings the server with a signature', async () => {
    const { calls } = await invoke('doorbell', { servers: [{ serverId: 'server-1', url: aws.url }] })
    assert.deepEqual(
      calls.map(({ action }) => action),
      ['POST /doorbell'],
    )
  })

  test('assign leaves a device that has an owner alone', async () => {
    const { answer } = await invoke('assign', recorded('assign'))
    assert.deepEqual(answer, { already_owned: 1 })
  })

  test('sweep looks, and asks ECS how many servers it runs', async () => {
    const { calls } = await invoke('sweep', recorded('sweep'))
    assert.ok(calls.some(({ service, action }) => service === 'ecs' && action === 'DescribeServices'))
    assert.ok(calls.some(({ body }) => body.IndexName === 'byUnassigned'))
  })

  test('task-stopped buries the server of the task, and takes its devices', async () => {
    await invoke('task-stopped', recorded('task-stopped'))
    const buried = await store.get('Servers', { serverId: serverId('server-1') })
    assert.equal(buried?.state, 'dead')
    assert.equal((await readDevice(store, deviceId('shop-1'))).owner, undefined)
  })

  test('task-stopped counts the quarantine of a device whose servers died again and again', async () => {
    const poison = deviceId('poison-1')
    const taskArn = `${TASK}-2`
    const server = { serverId: serverId('server-2'), name: 'two', url: `${aws.url}/2`, capacity: 10, taskArn }
    await announce(store, systemClock, server)
    await activate(store, server.serverId)
    await register(store, systemClock, { deviceId: poison, name: 'Poison', credentialsId: 'poison-creds' })
    await reserve(store, server, 1)
    await claim(store, systemClock, { device: poison, server, claimId: 'c', keepHome: false, moved: false })
    await permit(store, systemClock, poison, server.serverId, QUARANTINE_POINTS)

    const event = recorded('task-stopped')
    const { calls } = await invoke('task-stopped', { ...event, detail: { ...event.detail, taskArn } })

    assert.equal((await readDevice(store, poison)).status, 'quarantined')
    assert.ok(calls.some(({ body, action }) => action === 'UpdateItem' && body.TableName === OPERATIONS))
  })
})
