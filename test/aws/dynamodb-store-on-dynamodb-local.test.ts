import { after, before } from 'node:test'
import type { Tables } from '../builders/builders.ts'
import { storeContract } from '../core/store/store-contract.ts'
import { dynamoDbLocalTables, whyNoDynamoDbLocal } from './dynamodb-local.ts'

const reason = whyNoDynamoDbLocal()
let tables: Tables | undefined

before(async () => {
  if (!reason) tables = await dynamoDbLocalTables()
})
after(() => tables?.close())

storeContract(
  'DynamoDB Local',
  async () => {
    if (!tables) throw new Error('DynamoDB Local did not start')
    return tables.fresh()
  },
  reason ?? false,
)
