/** The store on DynamoDB. Servers, Lambdas and the local fleet all reach their tables through it. Every
 *  call has a time limit of its own, and a write that ran into the limit may still be applied. It must
 *  never retry a write by itself with other conditions: a caller reads the row again and decides. */
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
import type { Change, Page, PrimaryKeys, Query, Rows, ScanPart, Store, Table } from '../core/store/store.ts'
import type { TableName } from '../core/store/tables.ts'
import { createTerms } from './expressions.ts'

/** DynamoDB takes at most this many keys in one BatchGetItem. */
const BATCH_GET_KEYS_MAX = 100
/** DynamoDB may answer only a part of a batch. After this many rounds the store counts as failing. */
const BATCH_ROUNDS_MAX = 8

/** @param tablePrefix comes before every table name: `Mooring-` gives `Mooring-Devices`
 *  @param requestMsMax the time limit of one call, with the SDK's retries */
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

  /** The part that reading the rows of a query and counting them have in common. */
  function queryRequest<T extends Table>(table: T, query: Query<Rows[T]>) {
    const terms = createTerms()
    return {
      TableName: name(table),
      IndexName: query.index,
      ConsistentRead: query.index === undefined,
      KeyConditionExpression: terms.keyCondition(table, query),
      ...terms.filter(query.filter),
      ...terms.used(),
    }
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
      const command = new QueryCommand({
        ...queryRequest(table, query),
        ScanIndexForward: !query.descending,
        Limit: query.limit,
        ExclusiveStartKey: query.after,
      })
      return pageOf<Rows[T]>(await documents.send(command, limit()))
    },

    async count<T extends Table>(table: T, query: Query<Rows[T]>) {
      const request = { ...queryRequest(table, query), Select: 'COUNT' as const }
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
