/** The AWS endpoints that the bundles call. DynamoDB is dynalite; the others give the smallest answer that
 *  their clients accept. Every request is recorded. */
import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type LocalDatabase, startDatabase } from '../../local/database.ts'

export interface Call {
  /** `dynamodb`, `lambda`, `ecs`, `secretsmanager`, or `http` for a request to no API of AWS. */
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
  const server = createServer(async (incoming, response) => {
    const text = await textOf(incoming)
    const call = callOf(incoming, text)
    calls.push(call)
    if (call.service === 'dynamodb') {
      const answer = await forward(database.endpoint, incoming, text)
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

function callOf({ headers, url, method }: IncomingMessage, text: string): Call {
  const target = headers['x-amz-target']
  const body = text.startsWith('{') ? JSON.parse(text) : text
  if (typeof target === 'string') {
    const [api = '', action = ''] = target.split('.')
    if (api.startsWith('DynamoDB')) return { service: 'dynamodb', action, body }
    return { service: api.startsWith('AmazonEC2Container') ? 'ecs' : api, action, body }
  }
  if (url?.includes('/functions/')) return { service: 'lambda', action: url, body }
  return { service: 'http', action: `${method} ${url}`, body }
}

/** Forwards the request unchanged, with its Host: the signature covers all of it. */
function forward(
  endpoint: string,
  { headers }: IncomingMessage,
  body: string,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(endpoint, { method: 'POST', headers }, async (answer) => {
      resolve({ status: answer.statusCode ?? 500, body: await textOf(answer) })
    })
    asked.once('error', reject)
    asked.end(body)
  })
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
