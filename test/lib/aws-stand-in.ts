/** The AWS endpoints that the bundles call: DynamoDB is dynalite, the others give the least answer that their clients take.
 *  Every request is written down. */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type LocalDatabase, startDatabase } from '../../local/database.ts'

export interface Call {
  /** `dynamodb`, `lambda`, `ecs`, `secretsmanager`, or `http` for what is no API of AWS. */
  readonly service: string
  readonly action: string
  // biome-ignore lint/suspicious/noExplicitAny: requests of many shapes; each test says which it expects
  readonly body: any
}

export interface AwsStandIn {
  readonly url: string
  readonly database: LocalDatabase
  readonly calls: Call[]
  close(): Promise<void>
}

const ANSWERS: Readonly<Record<string, object>> = {
  DescribeServices: {
    services: [{ desiredCount: 2, runningCount: 2, deployments: [{ id: 'ecs-svc/1', status: 'PRIMARY' }] }],
  },
}

export async function startAwsStandIn(): Promise<AwsStandIn> {
  const database = await startDatabase()
  const calls: Call[] = []
  const server = createServer(async (request, response) => {
    const text = await textOf(request)
    const call = callOf(request, text)
    calls.push(call)
    if (call.service === 'dynamodb') {
      const answer = await forward(database.endpoint, request, text)
      response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.0' })
      response.end(answer.body)
      return
    }
    const accepted = call.service === 'lambda' || call.action === 'POST /doorbell'
    response.writeHead(accepted ? 202 : 200, { 'content-type': 'application/x-amz-json-1.1' })
    response.end(JSON.stringify(ANSWERS[call.action] ?? {}))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    database,
    calls,
    async close() {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
      await database.close()
    },
  }
}

function callOf(request: IncomingMessage, text: string): Call {
  const target = request.headers['x-amz-target']
  const body = text.startsWith('{') ? JSON.parse(text) : text
  if (typeof target === 'string') {
    const [api = '', action = ''] = target.split('.')
    if (api.startsWith('DynamoDB')) return { service: 'dynamodb', action, body }
    return { service: api.startsWith('AmazonEC2Container') ? 'ecs' : api, action, body }
  }
  if (request.url?.includes('/functions/')) return { service: 'lambda', action: request.url, body }
  return { service: 'http', action: `${request.method} ${request.url}`, body }
}

async function forward(endpoint: string, request: IncomingMessage, body: string) {
  const { authorization = '', 'x-amz-target': target, 'x-amz-date': date } = request.headers
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: {
      authorization,
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': String(target),
      'x-amz-date': String(date),
    },
    body,
  })
  return { status: answer.status, body: await answer.text() }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
