/** The builders for the tests of lambdas/: events in the shapes that AWS documents, a Lambda's context, and
 *  worlds on the embedded database. Every test of this folder uses them; they assert nothing. */
import type { APIGatewayProxyEventV2, APIGatewayRequestAuthorizerEventV2, Context } from 'aws-lambda'
import { type Clock, systemClock } from '../../core/clock.ts'
import { beat } from '../../core/protocol/membership.ts'
import { systemRandom } from '../../core/random.ts'
import type { Scope } from '../../core/store/api-key-row.ts'
import type { ServerRow } from '../../core/store/server-row.ts'
import type { Store } from '../../core/store/store.ts'
import { createCursors } from '../../lambdas/api/cursor.ts'
import type { ApiEvent } from '../../lambdas/api/event.ts'
import type { ApiWorld } from '../../lambdas/api/world.ts'
import { createApiHandler } from '../../lambdas/api.ts'
import type { CallerContext } from '../../lambdas/authorizer.ts'
import type { ScheduledEvent } from '../../lambdas/sweep.ts'
import type { TaskStateChange } from '../../lambdas/task-stopped.ts'
import type { LambdaWorld } from '../../lambdas/world.ts'
import { type Tables, type TestWorld, worldOn } from '../builders/builders.ts'

export type TestLambdaWorld = TestWorld & ApiWorld & { flushes(): number }

/** The secret that signs the cursors of every API under test. */
export const CURSOR_SECRET = 'a secret of the cursors'

/** A world in virtual time whose telemetry is recorded. */
export function lambdaWorldOn(store: Store): TestLambdaWorld {
  const world = worldOn(store)
  let flushes = 0
  const telemetry = {
    ...world.telemetry,
    flush: async () => {
      flushes += 1
    },
  }
  return { ...world, telemetry, cursors: createCursors([CURSOR_SECRET]), flushes: () => flushes }
}

/** Such a world on this machine's clock, for handlers that wait. */
export function realTimeWorldOn(store: Store): Omit<TestLambdaWorld, 'clock'> & { clock: Clock } {
  return { ...lambdaWorldOn(store), clock: systemClock, random: systemRandom }
}

export function aContext(remainingMs = 30_000): Context {
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: 'mooring-test',
    functionVersion: '$LATEST',
    invokedFunctionArn: 'arn:aws:lambda:eu-west-1:123456789012:function:mooring-test',
    memoryLimitInMB: '512',
    awsRequestId: 'c6af9ac6-7b61-11e6-9a41-93e8deadbeef',
    logGroupName: '/aws/lambda/mooring-test',
    logStreamName: '2026/01/01/[$LATEST]58419525dade4d17a495dceeeed44708',
    getRemainingTimeInMillis: () => remainingMs,
    done: () => undefined,
    fail: () => undefined,
    succeed: () => undefined,
  }
}

/** Beats for the server until the signal is aborted. */
export async function keepBeating(world: LambdaWorld, server: ServerRow, until: AbortSignal): Promise<void> {
  while (!until.aborted) {
    await beat(world.store, world.clock, server.serverId, 0)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Options of a request to the API. */
export interface RequestOptions {
  /** The scope that the authorizer found; `admin` when left out. */
  readonly scope?: Scope | 'none'
  readonly refusal?: CallerContext['refusal']
  /** Sent as JSON. */
  readonly body?: unknown
  /** Sent unchanged, instead of `body`. */
  readonly text?: string
  readonly contentType?: string
}

/** Payload format 2.0 of an HTTP API with a Lambda authorizer, on its `$default` route. */
export function apiEvent(method: string, target: string, options: RequestOptions = {}): ApiEvent {
  const [path = '/', query = ''] = target.split('?')
  const { scope = 'admin', refusal, body } = options
  const text = options.text ?? (body === undefined ? undefined : JSON.stringify(body))
  const contentType = options.contentType ?? (text === undefined ? undefined : 'application/json')
  const caller: CallerContext = { scope, keyId: 'abcdef0123456789', ...(refusal ? { refusal } : {}) }
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: decodeURIComponent(path),
    rawQueryString: query,
    headers: {
      accept: '*/*',
      'content-length': String(Buffer.byteLength(text ?? '')),
      host: 'r3pmxmplak.execute-api.eu-west-1.amazonaws.com',
      'user-agent': 'curl/8.5.0',
      'x-amzn-trace-id': 'Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e',
      'x-forwarded-for': '205.255.255.176',
      'x-forwarded-port': '443',
      'x-forwarded-proto': 'https',
      ...(contentType ? { 'content-type': contentType } : {}),
    },
    ...(query ? { queryStringParameters: Object.fromEntries(new URLSearchParams(query)) } : {}),
    requestContext: {
      accountId: '123456789012',
      apiId: 'r3pmxmplak',
      authorizer: { lambda: caller },
      domainName: 'r3pmxmplak.execute-api.eu-west-1.amazonaws.com',
      domainPrefix: 'r3pmxmplak',
      http: {
        method,
        path: decodeURIComponent(path),
        protocol: 'HTTP/1.1',
        sourceIp: '205.255.255.176',
        userAgent: 'curl/8.5.0',
      },
      requestId: 'JKJaXmPLvHcESHA=',
      routeKey: '$default',
      stage: '$default',
      time: '10/Mar/2020:05:16:23 +0000',
      timeEpoch: 1583817383220,
    },
    ...(text === undefined ? {} : { body: text }),
    isBase64Encoded: false,
  }
}

export interface ApiAnswer {
  readonly status: number
  readonly headers: Record<string, string>
  // biome-ignore lint/suspicious/noExplicitAny: a test fails when a field that it expects is missing
  readonly body: any
  /** The body, unparsed. */
  readonly text: string
}

export interface TestApi {
  readonly world: TestLambdaWorld
  call(method: string, target: string, options?: RequestOptions): Promise<ApiAnswer>
  /** Sends the event unchanged. */
  send(event: APIGatewayProxyEventV2 | ApiEvent): Promise<ApiAnswer>
}

export async function anApi(tables: Tables): Promise<TestApi> {
  return apiOn(lambdaWorldOn(await tables.fresh()))
}

export function apiOn(world: TestLambdaWorld): TestApi {
  const handler = createApiHandler(world)
  const send = async (event: APIGatewayProxyEventV2 | ApiEvent): Promise<ApiAnswer> => {
    const answer = await handler(event as ApiEvent, aContext())
    const text = answer.body ?? ''
    const headers = answer.headers as Record<string, string>
    return { status: answer.statusCode ?? 0, headers, text, body: parsed(text) }
  }
  return { world, send, call: (method, target, options) => send(apiEvent(method, target, options)) }
}

function parsed(text: string): unknown {
  return text.startsWith('{') ? JSON.parse(text) : undefined
}

/** Payload format 2.0 of a Lambda authorizer that has no identity source. */
export function authorizerRequest(headers: Record<string, string>): APIGatewayRequestAuthorizerEventV2 {
  const { requestContext, rawPath, rawQueryString, routeKey } = apiEvent('GET', '/devices')
  const { authorizer: _authorizer, ...context } = requestContext
  return {
    version: '2.0',
    type: 'REQUEST',
    routeArn: 'arn:aws:execute-api:eu-west-1:123456789012:r3pmxmplak/$default/GET/devices',
    identitySource: [],
    routeKey,
    rawPath,
    rawQueryString,
    cookies: [],
    headers,
    queryStringParameters: {},
    requestContext: context,
  }
}

export function aScheduledEvent(): ScheduledEvent {
  return {
    version: '0',
    id: '53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa',
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    account: '123456789012',
    time: '2026-10-08T16:53:06Z',
    region: 'eu-west-1',
    resources: ['arn:aws:events:eu-west-1:123456789012:rule/sweep'],
    detail: {},
  }
}

export interface TaskOptions {
  readonly taskArn?: string
  readonly lastStatus?: string
  /** The code of each container; `lost` leaves it out, as ECS does for a container that it lost. */
  readonly exitCodes?: readonly (number | 'lost')[]
}

export const TASK_ARN = 'arn:aws:ecs:eu-west-1:123456789012:task/mooring/c13b4cb40f1f4fe4a2971f76ae5a47ad'

/** The sample event of the ECS developer guide, for a Fargate task. */
export function aTaskStateChange(options: TaskOptions = {}): TaskStateChange {
  const { taskArn = TASK_ARN, lastStatus = 'STOPPED', exitCodes = [137] } = options
  return {
    version: '0',
    id: '9bcdac79-b31f-4d3d-9410-fbd727c29fab',
    'detail-type': 'ECS Task State Change',
    source: 'aws.ecs',
    account: '123456789012',
    time: '2026-12-06T16:41:06Z',
    region: 'eu-west-1',
    resources: [taskArn],
    detail: {
      attachments: [
        { id: '1789bcae-ddfb-4d10-8ebe-8ac87ddba5b8', type: 'eni', status: 'DELETED', details: [] },
      ],
      availabilityZone: 'eu-west-1a',
      clusterArn: 'arn:aws:ecs:eu-west-1:123456789012:cluster/mooring',
      containers: exitCodes.map((exitCode, number) => ({
        containerArn: `arn:aws:ecs:eu-west-1:123456789012:container/${number}`,
        ...(exitCode === 'lost' ? {} : { exitCode }),
        lastStatus,
        name: `container-${number}`,
        image: 'mooring',
        runtimeId: 'c13b4cb40f1f4fe4a2971f76ae5a47ad-3935363592',
        taskArn,
        networkInterfaces: [],
        cpu: '0',
      })),
      createdAt: '2026-12-06T16:40:06.000Z',
      launchType: 'FARGATE',
      cpu: '256',
      memory: '512',
      desiredStatus: 'STOPPED',
      group: 'service:mooring',
      lastStatus,
      overrides: { containerOverrides: [] },
      platformVersion: '1.4.0',
      stopCode: 'EssentialContainerExited',
      stoppedReason: 'Essential container in task exited',
      updatedAt: '2026-12-06T16:41:06.000Z',
      taskArn,
      taskDefinitionArn: 'arn:aws:ecs:eu-west-1:123456789012:task-definition/mooring:1',
      version: 4,
    },
  }
}
