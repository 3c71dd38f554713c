/** Every kind of endpoint that the local fleet opens, each with a request that must not be carried out for a
 *  stranger. */
import assert from 'node:assert/strict'
import { type RequestOptions, request } from 'node:http'
import { ScanCommand } from '@aws-sdk/client-dynamodb'
import { systemClock } from '../../core/clock.ts'
import { systemRandom } from '../../core/random.ts'
import { listen } from '../../hosts/server/listener.ts'
import { startGateway } from '../../local/control-plane/gateway.ts'
import { startLambdaEndpoint } from '../../local/control-plane/lambda-endpoint.ts'
import { type LocalDatabase, startDatabase } from '../../local/database.ts'
import { startEcsEndpoint } from '../../local/ecs-endpoint.ts'
import { type Simulator, startWhatsAppSimulator } from '../../local/whatsapp/simulator.ts'

const SECRET = 'sixteen-and-more'
const PUT_KEY = JSON.stringify({ TableName: 'Mooring-Keys', Item: { keyId: { S: 'forged' } } })

/** An endpoint, and a request to it. */
export interface Door {
  readonly port: number
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

export type Endpoint =
  | 'database'
  | 'lambda'
  | 'ecs'
  | 'api'
  | 'control'
  | 'server of devices'
  | 'WhatsApp socket'

export interface Doors {
  readonly doors: Readonly<Record<Endpoint, Door>>
  readonly database: LocalDatabase
  readonly simulator: Simulator
  /** No request was carried out, and no forged row is in the database. */
  assertNothingDone(): Promise<void>
  close(): Promise<void>
}

export async function openDoors(): Promise<Doors> {
  /** The endpoints that carried a request out, except the database. */
  const done: string[] = []
  const undo: (() => Promise<void>)[] = []
  const database = await startDatabase()
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
  const simulator = await startWhatsAppSimulator()
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
  const doors: Record<Endpoint, Door> = {
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
  }
  const close = async () => {
    for (const step of undo.reverse()) await step()
  }
  const assertNothingDone = async () => {
    assert.deepEqual(done, [])
    const { Items } = await database.client.send(new ScanCommand({ TableName: 'Mooring-Keys' }))
    assert.deepEqual(Items, [])
  }
  return { doors, database, simulator, assertNothingDone, close }
}

export interface Answer {
  readonly status: number
  readonly headers: Record<string, unknown>
  readonly body: string
}

/** Sends the request of the door, with changes. */
export function ask(door: Door, changes: Partial<RequestOptions> = {}): Promise<Answer> {
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
