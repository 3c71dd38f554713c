/** The store on DynamoDB. Every call has a time limit of its own; a call that ran into it may still be applied. */
import { ConditionalCheckFailedException, type DynamoDBClient } from '@aws-sdk/client-dynamodb'
import {
  BatchGetCommand,
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  type QueryCommandOutput,
  ScanCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb'
import type {
  Change,
  Condition,
  Page,
  PrimaryKeys,
  Query,
  Rows,
  ScanPart,
  Store,
  Table,
} from '../core/store/store.ts'
import { TABLES, type TableName } from '../core/store/tables.ts'

/** DynamoDB takes at most this many keys in one BatchGetItem. */
const BATCH_GET_KEYS_MAX = 100
/** DynamoDB may answer a part of a batch; after this many rounds the store counts as failing. */
const BATCH_ROUNDS_MAX = 8

/** @param tablePrefix comes before every table name: `Mooring-` gives `Mooring-Devices`
 *  @param requestMsMax ends each call, its SDK retries included */
export function dynamoDbStore(client: DynamoDBClient, tablePrefix: string, requestMsMax: number): Store {
  const documents = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } })
  const limit = () => ({ abortSignal: AbortSignal.timeout(requestMsMax) })
  const name = (table: TableName) => tablePrefix + table

  async function getBatch<T extends Table>(table: T, keys: readonly PrimaryKeys[T][]): Promise<Rows[T][]> {
    const rows: Rows[T][] = []
    let request = { [name(table)]: { Keys: [...keys] as Record<string, unknown>[], ConsistentRead: true } }
    for (let round = 0; round < BATCH_ROUNDS_MAX; round++) {
      const answer = await documents.send(new BatchGetCommand({ RequestItems: request }), limit())
      rows.push(...((answer.Responses?.[name(table)] ?? []) as Rows[T][]))
      const left = answer.UnprocessedKeys?.[name(table)]?.Keys
      if (!left?.length) return rows
      request = { [name(table)]: { Keys: left, ConsistentRead: true } }
    }
    throw new Error(`DynamoDB left keys of ${table} unread after ${BATCH_ROUNDS_MAX} rounds`)
  }

  return {
    async get<T extends Table>(table: T, key: PrimaryKeys[T]) {
      const answer = await documents.send(
        new GetCommand({ TableName: name(table), Key: key, ConsistentRead: true }),
        limit(),
      )
      return answer.Item as Rows[T] | undefined
    },

    async getMany<T extends Table>(table: T, keys: readonly PrimaryKeys[T][]) {
      const rows: Rows[T][] = []
      for (let at = 0; at < keys.length; at += BATCH_GET_KEYS_MAX) {
        rows.push(...(await getBatch(table, keys.slice(at, at + BATCH_GET_KEYS_MAX))))
      }
      return rows
    },

    async put(table, row, conditions = []) {
      const terms = createTerms()
      const condition = terms.conditions(conditions)
      return unlessRefused(false, async () => {
        await documents.send(
          new PutCommand({ TableName: name(table), Item: row, ...condition, ...terms.used() }),
          limit(),
        )
        return true
      })
    },

    async update<T extends Table>(table: T, key: PrimaryKeys[T], change: Change<Rows[T]>) {
      const terms = createTerms()
      const expression = terms.update(change)
      const condition = terms.conditions(change.when)
      return unlessRefused(undefined, async () => {
        const command = new UpdateCommand({
          TableName: name(table),
          Key: key,
          UpdateExpression: expression,
          ...condition,
          ...terms.used(),
          ReturnValues: 'ALL_NEW',
        })
        return (await documents.send(command, limit())).Attributes as Rows[T]
      })
    },

    async remove(table, key, conditions = []) {
      const terms = createTerms()
      const condition = terms.conditions(conditions)
      return unlessRefused(false, async () => {
        await documents.send(
          new DeleteCommand({ TableName: name(table), Key: key, ...condition, ...terms.used() }),
          limit(),
        )
        return true
      })
    },

    async query<T extends Table>(table: T, query: Query<Rows[T]>) {
      const terms = createTerms()
      const command = new QueryCommand({
        TableName: name(table),
        IndexName: query.index,
        ConsistentRead: query.index === undefined,
        KeyConditionExpression: terms.keyCondition(table, query),
        ...terms.filter(query.filter),
        ...terms.used(),
        ScanIndexForward: !query.descending,
        Limit: query.limit,
        ExclusiveStartKey: query.after,
      })
      return pageOf<Rows[T]>(await documents.send(command, limit()))
    },

    async count<T extends Table>(table: T, query: Query<Rows[T]>) {
      const terms = createTerms()
      const request = {
        TableName: name(table),
        IndexName: query.index,
        ConsistentRead: query.index === undefined,
        KeyConditionExpression: terms.keyCondition(table, query),
        ...terms.filter(query.filter),
        ...terms.used(),
        Select: 'COUNT' as const,
      }
      let counted = 0
      let after: QueryCommandOutput['LastEvaluatedKey']
      do {
        const page: QueryCommandOutput = await documents.send(
          new QueryCommand({ ...request, ExclusiveStartKey: after }),
          limit(),
        )
        counted += page.Count ?? 0
        after = page.LastEvaluatedKey
      } while (after)
      return counted
    },

    async scan<T extends Table>(table: T, part: ScanPart<Rows[T]> = {}) {
      const terms = createTerms()
      const command = new ScanCommand({
        TableName: name(table),
        ConsistentRead: true,
        ...terms.filter(part.filter),
        ...terms.used(),
        Limit: part.limit,
        Segment: part.segment?.index,
        TotalSegments: part.segment?.of,
        ExclusiveStartKey: part.after,
      })
      return pageOf<Rows[T]>(await documents.send(command, limit()))
    },
  }
}

function pageOf<Row>(answer: Pick<QueryCommandOutput, 'Items' | 'LastEvaluatedKey'>): Page<Row> {
  const rows = (answer.Items ?? []) as Row[]
  const next = answer.LastEvaluatedKey as Page<Row>['next']
  return next ? { rows, next } : { rows }
}

async function unlessRefused<Result>(refused: Result, write: () => Promise<Result>): Promise<Result> {
  try {
    return await write()
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return refused
    throw error
  }
}

/** Collects the names and values of one request's expressions: every attribute is aliased, since many of ours
 *  (`owner`, `state`, `name`, `status`) are reserved words of DynamoDB. */
function createTerms() {
  const names: Record<string, string> = {}
  const values: Record<string, unknown> = {}
  const alias = (attribute: string) => {
    names[`#${attribute}`] = attribute
    return `#${attribute}`
  }
  const placeholder = (value: unknown) => {
    const name = `:v${Object.keys(values).length}`
    values[name] = value
    return name
  }
  const sentence = (condition: Condition<never>): string => {
    switch (condition.is) {
      case 'any':
        return `(${condition.of.map(sentence).join(' OR ')})`
      case 'absent':
        return `attribute_not_exists(${alias(condition.attribute)})`
      case 'present':
        return `attribute_exists(${alias(condition.attribute)})`
      default:
        return `${alias(condition.attribute)} ${OPERATORS[condition.is]} ${placeholder(condition.value)}`
    }
  }
  const allOf = (conditions: readonly unknown[]) =>
    (conditions as Condition<never>[]).map(sentence).join(' AND ')

  return {
    conditions: (conditions: readonly unknown[]) =>
      conditions.length ? { ConditionExpression: allOf(conditions) } : {},
    filter: (conditions: readonly unknown[] = []) =>
      conditions.length ? { FilterExpression: allOf(conditions) } : {},

    update(change: { set?: object; add?: object; remove?: readonly string[] }): string {
      const set = Object.entries(change.set ?? {}).filter(([, value]) => value !== undefined)
      const add = Object.entries(change.add ?? {})
      const clauses = [
        set.length &&
          `SET ${set.map(([name, value]) => `${alias(name)} = ${placeholder(value)}`).join(', ')}`,
        add.length && `ADD ${add.map(([name, value]) => `${alias(name)} ${placeholder(value)}`).join(', ')}`,
        change.remove?.length && `REMOVE ${change.remove.map(alias).join(', ')}`,
      ]
      return clauses.filter(Boolean).join(' ')
    },

    keyCondition(table: TableName, query: Query<never>): string {
      const indexes: Record<string, { partitionKey: { name: string }; sortKey?: { name: string } }> =
        TABLES[table].indexes
      const keys = query.index === undefined ? TABLES[table] : indexes[query.index]
      if (!keys) throw new Error(`table ${table} has no index ${query.index}`)
      const parts = [`${alias(keys.partitionKey.name)} = ${placeholder(query.partition)}`]
      const sortKey = 'sortKey' in keys ? keys.sortKey?.name : undefined
      const { from, to, beginsWith } = query.sort ?? {}
      if (query.sort && !sortKey) throw new Error(`${table} ${query.index ?? ''} has no sort key`)
      if (sortKey && beginsWith !== undefined)
        parts.push(`begins_with(${alias(sortKey)}, ${placeholder(beginsWith)})`)
      // DynamoDB takes one condition on the sort key, so both bounds go into one BETWEEN.
      if (sortKey && from !== undefined && to !== undefined) {
        parts.push(`${alias(sortKey)} BETWEEN ${placeholder(from)} AND ${placeholder(to)}`)
      } else if (sortKey && from !== undefined) parts.push(`${alias(sortKey)} >= ${placeholder(from)}`)
      else if (sortKey && to !== undefined) parts.push(`${alias(sortKey)} <= ${placeholder(to)}`)
      return parts.join(' AND ')
    },

    used: () => ({
      ...(Object.keys(names).length ? { ExpressionAttributeNames: names } : {}),
      ...(Object.keys(values).length ? { ExpressionAttributeValues: values } : {}),
    }),
  }
}

const OPERATORS = { equals: '=', differs: '<>', atMost: '<=', atLeast: '>=' } as const
