/** The tables that the naive servers share: the owner of each device, and the last heartbeat of each
 *  server. */
import { CreateTableCommand, type DynamoDBClient, waitUntilTableExists } from '@aws-sdk/client-dynamodb'
import { DynamoDBDocumentClient, PutCommand, ScanCommand } from '@aws-sdk/lib-dynamodb'

const DEVICES = 'Naive-Devices'
const SERVERS = 'Naive-Servers'
const TABLE_WAIT_SECONDS = 10

export interface NaiveDevice {
  readonly deviceId: string
  readonly owner?: string
}

export interface NaiveTable {
  devices(): Promise<NaiveDevice[]>
  /** When each server last wrote its heartbeat, by the server's own time of day. */
  heartbeats(): Promise<Map<string, number>>
  /** The write has no condition, so the last writer is the owner. */
  setOwner(deviceId: string, owner: string): Promise<void>
  beat(serverId: string, atMs: number): Promise<void>
}

export function naiveTable(client: DynamoDBClient): NaiveTable {
  const documents = DynamoDBDocumentClient.from(client)
  const put = async (table: string, item: Record<string, unknown>) => {
    await documents.send(new PutCommand({ TableName: table, Item: item }))
  }
  const scan = async (table: string) => {
    // The demo's tables fit into one page. The read is consistent, so that no late replica causes a conflict.
    const { Items } = await documents.send(new ScanCommand({ TableName: table, ConsistentRead: true }))
    return Items ?? []
  }
  return {
    devices: async () => (await scan(DEVICES)) as NaiveDevice[],
    heartbeats: async () =>
      new Map((await scan(SERVERS)).map(({ serverId, beatAtMs }) => [serverId, beatAtMs])),
    setOwner: (deviceId, owner) => put(DEVICES, { deviceId, owner }),
    beat: (serverId, atMs) => put(SERVERS, { serverId, beatAtMs: atMs }),
  }
}

export async function createNaiveTables(client: DynamoDBClient): Promise<void> {
  for (const [table, key] of [
    [DEVICES, 'deviceId'],
    [SERVERS, 'serverId'],
  ] as const) {
    const definition = {
      TableName: table,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: key, AttributeType: 'S' }],
      KeySchema: [{ AttributeName: key, KeyType: 'HASH' }],
    } as const
    await client.send(
      new CreateTableCommand({
        ...definition,
        AttributeDefinitions: [...definition.AttributeDefinitions],
        KeySchema: [...definition.KeySchema],
      }),
    )
    const wait = { client, maxWaitTime: TABLE_WAIT_SECONDS, minDelay: 0.01, maxDelay: 0.2 }
    await waitUntilTableExists(wait, { TableName: table })
  }
}
