/** The tables of core/store/tables.ts: paid on demand, recoverable to any second of the last 35 days, and
 *  encrypted with a key of the stack. */
import { RemovalPolicy } from 'aws-cdk-lib'
import {
  type Attribute,
  AttributeType,
  BillingMode,
  ProjectionType,
  Table,
  TableEncryption,
} from 'aws-cdk-lib/aws-dynamodb'
import { Key } from 'aws-cdk-lib/aws-kms'
import { Construct } from 'constructs'
import {
  type IndexDefinition,
  type KeyDefinition,
  TABLE_NAMES,
  TABLES,
  type TableDefinition,
  type TableName,
} from '../core/store/tables.ts'
import type { Configuration } from './configuration.ts'

export class Tables extends Construct {
  /** Hosts and Lambdas put this before the name of a table. */
  readonly prefix: string
  readonly key: Key
  readonly tables: Readonly<Record<TableName, Table>>

  constructor(scope: Construct, id: string, configuration: Configuration) {
    super(scope, id)
    this.prefix = `${configuration.stackName}-`
    const removalPolicy =
      configuration.removalPolicy === 'destroy' ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN
    this.key = new Key(this, 'Key', {
      description: `${configuration.stackName}: tables`,
      enableKeyRotation: true,
      removalPolicy,
    })
    const create = (name: TableName) => {
      const definition: TableDefinition = TABLES[name]
      const table = new Table(this, name, {
        tableName: this.prefix + name,
        ...keysOf(definition),
        billingMode: BillingMode.PAY_PER_REQUEST,
        pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
        encryption: TableEncryption.CUSTOMER_MANAGED,
        encryptionKey: this.key,
        deletionProtection: configuration.deletionProtection,
        removalPolicy,
        ...(definition.expiresAttribute ? { timeToLiveAttribute: definition.expiresAttribute } : {}),
      })
      for (const [indexName, index] of Object.entries(definition.indexes)) {
        table.addGlobalSecondaryIndex({ indexName, ...keysOf(index), ...projectionOf(index.projection) })
      }
      return [name, table] as const
    }
    this.tables = Object.fromEntries(TABLE_NAMES.map(create)) as Record<TableName, Table>
  }
}

function keysOf({ partitionKey, sortKey }: Pick<TableDefinition, 'partitionKey' | 'sortKey'>) {
  return {
    partitionKey: attribute(partitionKey),
    ...(sortKey ? { sortKey: attribute(sortKey) } : {}),
  }
}

function attribute({ name, type }: KeyDefinition): Attribute {
  return { name, type: type === 'S' ? AttributeType.STRING : AttributeType.NUMBER }
}

function projectionOf(projection: IndexDefinition['projection']) {
  if (projection === 'all') return { projectionType: ProjectionType.ALL }
  if (projection.length === 0) return { projectionType: ProjectionType.KEYS_ONLY }
  return { projectionType: ProjectionType.INCLUDE, nonKeyAttributes: [...projection] }
}
