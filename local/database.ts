/** The embedded DynamoDB of the local fleet: dynalite, in memory or in a folder, with the tables of
 *  core/store/tables.ts. */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import {
  type AttributeDefinition,
  CreateTableCommand,
  DynamoDBClient,
  type KeySchemaElement,
  ResourceInUseException,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb'
import dynalite from 'dynalite'
import { type KeyDefinition, TABLE_NAMES, TABLES, type TableDefinition } from '../core/store/tables.ts'
import { readBody, sendJson } from './control-plane/http-server.ts'
import { guard } from './endpoint-guard.ts'
import { type Credentials, signatureFault } from './signed-requests.ts'

export const LOCAL_TABLE_PREFIX = 'Mooring-'
/** Credentials of this run. The process that opens the endpoints makes them when it starts, and gives them to
 *  its children by the environment. */
export const LOCAL_CREDENTIALS: Credentials = {
  accessKeyId: `LOCAL${randomBytes(8).toString('hex').toUpperCase()}`,
  secretAccessKey: randomBytes(32).toString('hex'),
}
export const LOCAL_REGION = 'eu-west-1'
const TABLE_WAIT_SECONDS = 20
/** The limit of dynalite. */
const REQUEST_BYTES_MAX = 16 * 1024 * 1024

export interface LocalDatabase {
  readonly endpoint: string
  /** Every request must be signed with them. */
  readonly credentials: Credentials
  readonly client: DynamoDBClient
  /** `hear` gets every request of any process, in the order in which they were applied. */
  onExchange(hear: (exchange: DatabaseExchange) => void): void
  close(): Promise<void>
}

/** A request that was applied or refused. It is not known here whether the answer arrived. */
export interface DatabaseExchange {
  /** For example `UpdateItem`. */
  readonly operation: string
  readonly status: number
  /** JSON. */
  readonly request: string
  /** JSON. */
  readonly answer: string
}

/** @param options dataDir is the folder that keeps the database; without it the database is in memory */
export async function startDatabase(
  options: { dataDir?: string; port?: number; credentials?: Credentials } = {},
): Promise<LocalDatabase> {
  const { credentials = LOCAL_CREDENTIALS } = options
  const server: Server = dynalite({
    createTableMs: 0,
    deleteTableMs: 0,
    updateTableMs: 0,
    ...(options.dataDir ? { path: options.dataDir } : {}),
  })
  const listeners: ((exchange: DatabaseExchange) => void)[] = []
  server.prependListener('request', (request, response) => {
    if (listeners.length > 0)
      overhear(request, response, (exchange) => {
        for (const hear of listeners) hear(exchange)
      })
  })
  askForSignatures(server, credentials)
  // The requests of a chaos run come through a proxy, which has a port of its own.
  guard(server, { host: 'loopback', port: 'any' })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = localClient(endpoint, credentials)
  await createTables(client, LOCAL_TABLE_PREFIX)
  return {
    endpoint,
    credentials,
    client,
    onExchange: (hear) => void listeners.push(hear),
    async close() {
      client.destroy()
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

function overhear(
  request: IncomingMessage,
  response: ServerResponse,
  hear: (exchange: DatabaseExchange) => void,
): void {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  const end = response.end.bind(response)
  // Dynalite answers in the same turn of the event loop in which it applies the request. Later events could
  // swap.
  response.end = ((...answer: [unknown?]) => {
    const operation = String(request.headers['x-amz-target'] ?? '').split('.')[1] ?? ''
    const body = Buffer.concat(chunks).toString('utf8')
    hear({ operation, status: response.statusCode, request: body, answer: String(answer[0] ?? '') })
    return end(...(answer as []))
  }) as ServerResponse['end']
}

/** Passes on only whole and signed requests. Dynalite itself checks no signature and answers web pages. It
 *  throws when a client breaks off in the middle of a request, as a killed client does. */
function askForSignatures(server: Server, credentials: Credentials): void {
  const listeners = server.listeners('request')
  server.removeAllListeners('request')
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const pass = (body: Buffer | undefined) => {
      if (!body) return sendJson(response, 413, { __type: 'RequestEntityTooLarge' })
      const fault = signatureFault(request, body, 'dynamodb', credentials)
      if (fault) {
        const { type, says: message } = fault
        return sendJson(response, 400, { __type: `com.amazon.coral.service#${type}`, message })
      }
      const whole = replay(request, body)
      for (const listener of listeners) listener.call(server, whole, response)
    }
    // A client that broke off gets no answer.
    readBody(request, REQUEST_BYTES_MAX).then(pass, () => response.destroy())
  })
}

/** The same request, with a body that can be read again. */
function replay({ method, url, headers }: IncomingMessage, body: Buffer): Readable {
  return Object.assign(Readable.from(body.length > 0 ? [body] : []), { method, url, headers })
}

export function localClient(endpoint: string, credentials: Credentials = LOCAL_CREDENTIALS): DynamoDBClient {
  return new DynamoDBClient({ endpoint, region: LOCAL_REGION, credentials })
}

/** Creates the tables that are missing, and leaves the others as they are. */
export async function createTables(client: DynamoDBClient, prefix: string): Promise<void> {
  for (const table of TABLE_NAMES) {
    try {
      await client.send(createTableCommand(prefix + table, TABLES[table]))
    } catch (error) {
      if (!(error instanceof ResourceInUseException)) throw error
    }
    const wait = { client, maxWaitTime: TABLE_WAIT_SECONDS, minDelay: 0.01, maxDelay: 0.2 }
    await waitUntilTableExists(wait, { TableName: prefix + table })
  }
}

function createTableCommand(name: string, table: TableDefinition): CreateTableCommand {
  const indexes = Object.entries(table.indexes)
  const keys = [table, ...indexes.map(([, index]) => index)].flatMap(({ partitionKey, sortKey }) =>
    sortKey ? [partitionKey, sortKey] : [partitionKey],
  )
  const attributes = new Map<string, AttributeDefinition>(
    keys.map((key) => [key.name, { AttributeName: key.name, AttributeType: key.type }]),
  )
  return new CreateTableCommand({
    TableName: name,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [...attributes.values()],
    KeySchema: keySchema(table),
    ...(indexes.length
      ? {
          GlobalSecondaryIndexes: indexes.map(([indexName, index]) => ({
            IndexName: indexName,
            KeySchema: keySchema(index),
            Projection: projectionOf(index.projection),
          })),
        }
      : {}),
  })
}

function keySchema(of: { partitionKey: KeyDefinition; sortKey?: KeyDefinition }): KeySchemaElement[] {
  const schema: KeySchemaElement[] = [{ AttributeName: of.partitionKey.name, KeyType: 'HASH' }]
  if (of.sortKey) schema.push({ AttributeName: of.sortKey.name, KeyType: 'RANGE' })
  return schema
}

function projectionOf(projection: 'all' | readonly string[]) {
  if (projection === 'all') return { ProjectionType: 'ALL' as const }
  if (projection.length === 0) return { ProjectionType: 'KEYS_ONLY' as const }
  return { ProjectionType: 'INCLUDE' as const, NonKeyAttributes: [...projection] }
}
