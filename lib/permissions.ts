/** Which function may make which requests to which table: exactly the requests that its code makes.
 *  test/lib/permissions.test.ts states the outcome again. test/lib/bundles.long.test.ts compares it with the
 *  requests of the bundles. Hosts must never get a right on Operations, because that table holds the
 *  decisions for the whole fleet. */
import { Stack } from 'aws-cdk-lib'
import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { TableName } from '../core/store/tables.ts'
import type { Tables } from './tables.ts'

type Action = 'GetItem' | 'BatchGetItem' | 'PutItem' | 'UpdateItem' | 'DeleteItem' | 'Query' | 'Scan'

interface TableUse {
  readonly actions: readonly Action[]
  /** The indexes that are queried, besides the table itself. */
  readonly indexes?: readonly string[]
}

export type Uses = { readonly [T in TableName]?: TableUse }

/** Finding a server for devices (core/placement/assign.ts). It also ends a deletion: `erase` in
 *  core/requests/device-requests.ts. */
const ASSIGN = {
  Devices: { actions: ['BatchGetItem', 'GetItem', 'UpdateItem', 'DeleteItem'] },
  Servers: { actions: ['Scan', 'UpdateItem'] },
  AuthState: { actions: ['Query', 'DeleteItem'] },
  History: { actions: ['PutItem', 'UpdateItem', 'Query', 'DeleteItem'] },
} as const satisfies Uses

/** Clearing away after a server: burying it frees its name and URL, evicting lists its devices and counts
 *  quarantines (core/placement/quarantine-limit.ts). */
const CLEAR_AWAY = {
  ...ASSIGN,
  Devices: { actions: [...ASSIGN.Devices.actions, 'Query'], indexes: ['byOwner'] },
  Servers: { actions: [...ASSIGN.Servers.actions, 'DeleteItem'] },
  Operations: { actions: ['UpdateItem'] },
} as const satisfies Uses

/** The operations and the list of running ones. The same table holds the decisions for the whole fleet: the
 *  ledger of rebalancing, its pause, and the cool-downs. */
const OPERATE = {
  Operations: { actions: ['GetItem', 'PutItem', 'UpdateItem', 'Query'], indexes: ['byOpen'] },
} as const satisfies Uses

export const TABLE_USES = {
  api: {
    ...CLEAR_AWAY,
    ...OPERATE,
    Devices: {
      actions: [...CLEAR_AWAY.Devices.actions, 'PutItem', 'Scan'],
      indexes: ['byOwner', 'byStatus'],
    },
    Servers: { actions: [...CLEAR_AWAY.Servers.actions, 'GetItem', 'BatchGetItem'] },
  },
  authorizer: { Keys: { actions: ['GetItem'] } },
  sweep: {
    ...CLEAR_AWAY,
    ...OPERATE,
    Devices: { actions: [...CLEAR_AWAY.Devices.actions, 'Scan'], indexes: ['byOwner', 'byUnassigned'] },
    Servers: { actions: [...CLEAR_AWAY.Servers.actions, 'GetItem'] },
  },
  'task-stopped': CLEAR_AWAY,
  assign: ASSIGN,
  doorbell: {},
  'first-key': { Keys: { actions: ['PutItem'] } },
  host: {
    Devices: { actions: ['GetItem', 'UpdateItem', 'Query'], indexes: ['byOwner'] },
    Servers: { actions: ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem'] },
    AuthState: { actions: ['PutItem', 'UpdateItem'] },
    History: { actions: ['PutItem', 'UpdateItem'] },
  },
} as const satisfies Record<string, Uses>

/** The statements for `uses`, and for the key that the tables are encrypted with, through DynamoDB only. */
export function tableStatements({ tables, key }: Tables, uses: Uses): PolicyStatement[] {
  const used = Object.entries(uses) as [TableName, TableUse][]
  if (used.length === 0) return []
  const statements = used.map(([name, { actions, indexes = [] }]) => {
    const { tableArn } = tables[name]
    return new PolicyStatement({
      actions: actions.map((action) => `dynamodb:${action}`),
      resources: [tableArn, ...indexes.map((index) => `${tableArn}/index/${index}`)],
    })
  })
  const { region } = Stack.of(key)
  return [
    ...statements,
    new PolicyStatement({
      actions: [
        'kms:Decrypt',
        'kms:DescribeKey',
        'kms:Encrypt',
        'kms:GenerateDataKey',
        'kms:ReEncryptFrom',
        'kms:ReEncryptTo',
      ],
      resources: [key.keyArn],
      conditions: { StringEquals: { 'kms:ViaService': `dynamodb.${region}.amazonaws.com` } },
    }),
  ]
}
