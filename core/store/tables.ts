/** The ONE definition of the tables. The local database, the tests and the CDK stack all create them from
 *  it. */

export interface KeyDefinition {
  readonly name: string
  readonly type: 'S' | 'N'
}

export interface IndexDefinition {
  readonly partitionKey: KeyDefinition
  readonly sortKey?: KeyDefinition
  /** `all`, or the non-key attributes that are copied into the index. */
  readonly projection: 'all' | readonly string[]
}

export interface TableDefinition {
  readonly partitionKey: KeyDefinition
  readonly sortKey?: KeyDefinition
  /** Seconds since 1970. DynamoDB deletes up to two days late, so nothing but tidiness may depend on it. */
  readonly expiresAttribute?: string
  readonly indexes: Readonly<Record<string, IndexDefinition>>
}

const text = (name: string): KeyDefinition => ({ name, type: 'S' })
const number = (name: string): KeyDefinition => ({ name, type: 'N' })

export const TABLES = {
  Devices: {
    partitionKey: text('deviceId'),
    indexes: {
      byOwner: { partitionKey: text('owner'), sortKey: text('deviceId'), projection: 'all' },
      byUnassigned: { partitionKey: text('unassignedShard'), sortKey: text('deviceId'), projection: [] },
      byStatus: { partitionKey: text('status'), sortKey: number('updatedAt'), projection: 'all' },
    },
  },
  Servers: { partitionKey: text('serverId'), expiresAttribute: 'expiresAt', indexes: {} },
  AuthState: {
    partitionKey: text('deviceId'),
    sortKey: text('key'),
    expiresAttribute: 'expiresAt',
    indexes: {},
  },
  History: {
    partitionKey: text('deviceId'),
    sortKey: text('at'),
    expiresAttribute: 'expiresAt',
    indexes: {},
  },
  Operations: {
    partitionKey: text('operationId'),
    expiresAttribute: 'expiresAt',
    indexes: { byOpen: { partitionKey: text('open'), sortKey: number('startedAt'), projection: 'all' } },
  },
  Keys: { partitionKey: text('keyId'), indexes: {} },
} as const satisfies Record<string, TableDefinition>

export type TableName = keyof typeof TABLES
export const TABLE_NAMES = Object.keys(TABLES) as TableName[]

/** Partitions of `byUnassigned`. With a single one, a fleet that loses a server would write into one hot
 *  partition. */
export const UNASSIGNED_SHARDS = 8
