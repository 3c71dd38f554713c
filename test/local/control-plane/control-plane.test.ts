import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { dynamoDbStore } from '../../../aws/dynamodb-store.ts'
import { systemClock } from '../../../core/clock.ts'
import { keyRow } from '../../../lambdas/api-keys.ts'
import { type ControlPlane, startControlPlane } from '../../../local/control-plane/control-plane.ts'
import {
  LOCAL_CREDENTIALS,
  LOCAL_REGION,
  LOCAL_TABLE_PREFIX,
  type LocalDatabase,
  startDatabase,
} from '../../../local/database.ts'
import { anActiveServer } from '../../builders/builders.ts'

const TASK_ARN = 'arn:aws:ecs:eu-west-1:000000000000:task/mooring/0123456789abcdef'
const API_KEY = 'the key of the test'

let directory: string
let database: LocalDatabase
let controlPlane: ControlPlane
let logFile: string
let store: ReturnType<typeof dynamoDbStore>

const options = () => ({
  databaseEndpoint: database.endpoint,
  doorbellSecret: 'a secret of the fleet',
  logFile,
})

/** Ends everything that was started, also when a later part did not start. */
const undo: (() => Promise<void>)[] = []

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'mooring-control-plane-'))
  undo.push(async () => rmSync(directory, { recursive: true }))
  logFile = join(directory, 'control-plane.log')
  database = await startDatabase()
  undo.push(() => database.close())
  store = dynamoDbStore(database.client, LOCAL_TABLE_PREFIX, 5000)
  await store.put('Keys', keyRow(API_KEY, 'admin', 'test', 1))
  controlPlane = await startControlPlane({ ...options(), sweep: false })
  undo.push(() => controlPlane.close())
})
after(async () => {
  for (const step of undo.reverse()) await step()
})

async function call(method: string, path: string, body?: object) {
  const answer = await fetch(controlPlane.apiUrl + path, {
    method,
    headers: { 'x-api-key': API_KEY, ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

const isRunning = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Polls, because the end of a process that is no child of this one is not reported. */
async function endsWithin(pid: number, limitMs: number): Promise<boolean> {
  const begun = performance.now()
  while (isRunning(pid) && performance.now() - begun < limitMs) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return !isRunning(pid)
}

test('the API answers over HTTP, through the authorizer', async () => {
  assert.equal((await call('GET', '/devices')).status, 200)
  const stranger = await fetch(`${controlPlane.apiUrl}/devices`)
  assert.equal(stranger.status, 401)
  assert.equal(((await stranger.json()) as { code: string }).code, 'API_KEY_MISSING')
})

test("a device is registered, its server's doorbell is rung, and it moves when that server's task stops", async () => {
  const rings: string[] = []
  const listener = createServer((request, response) => {
    rings.push(String(request.url))
    response.end()
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const at = { store, clock: systemClock }
  await anActiveServer(at, 'server-1', { taskArn: TASK_ARN })
  const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
  await store.update('Servers', { serverId: 'server-1' as never }, { set: { url }, when: [] })
  const registered = await call('POST', '/devices', { deviceId: 'shop-17' })
  assert.deepEqual(registered.body.owner, { serverId: 'server-1', name: 'server-1' })

  await anActiveServer(at, 'server-2')
  await controlPlane.taskStopped(TASK_ARN, 137)
  const moved = await call('GET', '/devices/shop-17')
  assert.deepEqual(moved.body.owner, { serverId: 'server-2', name: 'server-2' })
  assert.deepEqual(rings, ['/doorbell'])
  listener.closeAllConnections()
  listener.close()
})

test("a server asks for placement with the SDK's own client", async () => {
  const client = new LambdaClient({
    endpoint: controlPlane.lambdaEndpoint,
    region: LOCAL_REGION,
    credentials: LOCAL_CREDENTIALS,
  })
  const command = new InvokeCommand({
    FunctionName: controlPlane.functions.assign,
    Payload: Buffer.from(JSON.stringify({ deviceIds: ['unknown'] })),
  })
  const answer = await client.send(command)
  client.destroy()
  assert.equal(answer.FunctionError, undefined)
  assert.equal(Buffer.from(answer.Payload ?? []).toString(), '{}')
})

test('a port that is taken is reported in words', async () => {
  const port = Number(new URL(controlPlane.apiUrl).port)
  await assert.rejects(startControlPlane({ ...options(), port, sweep: false }), /port \d+ is taken/)
})

test('protocol times that leave no margin are reported in words', async () => {
  const variables = { BURY_AFTER_MS: '8001' }
  await assert.rejects(startControlPlane({ ...options(), variables }), /LEASE_MARGIN_TOO_SMALL/)
})

test('the control plane ends at once while a sweep is under way', async () => {
  const sweeping = await startControlPlane({ ...options(), logFile: join(directory, 'sweeping.log') })
  const begun = performance.now()
  await sweeping.close()
  assert.ok(performance.now() - begun < 5000)
  assert.equal(isRunning(sweeping.pid), false)
})

test('the control plane ends on SIGTERM', async () => {
  const other = await startControlPlane({ ...options(), logFile: join(directory, 'terminated.log') })
  process.kill(other.pid, 'SIGTERM')
  await other.close()
  assert.equal(isRunning(other.pid), false)
})

test('the control plane ends when its parent is killed', async () => {
  const { href } = new URL('../../../local/control-plane/control-plane.ts', import.meta.url)
  const starting = `
    import { startControlPlane } from ${JSON.stringify(href)}
    const { pid } = await startControlPlane(${JSON.stringify({ ...options(), logFile: join(directory, 'orphan.log') })})
    console.log(pid)
  `
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', starting])
  const [said] = (await once(parent.stdout, 'data')) as [Buffer]
  const pid = Number(said.toString())
  assert.equal(isRunning(pid), true)
  parent.kill('SIGKILL')
  await once(parent, 'close')
  assert.equal(await endsWithin(pid, 5000), true)
})

test('the log of the control plane is JSON, line by line, and holds no API key', () => {
  const log = readFileSync(logFile, 'utf8')
  const lines = log.split('\n').filter((line) => line.startsWith('{'))
  assert.doesNotThrow(() => lines.map((line) => JSON.parse(line)))
  assert.ok(lines.some((line) => line.includes('"event":"device.registered"')))
  assert.doesNotMatch(log, new RegExp(API_KEY))
})
