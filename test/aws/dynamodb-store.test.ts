import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { after, before, describe, test } from 'node:test'
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { dynamoDbStore } from '../../aws/dynamodb-store.ts'
import { deviceId } from '../../core/ids.ts'
import { localClient } from '../../local/database.ts'

describe('a database that never answers', () => {
  let silent: Server
  let client: DynamoDBClient
  before(async () => {
    silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const address = silent.address()
    client = localClient(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`)
  })
  after(() => {
    client.destroy()
    silent.closeAllConnections()
    silent.close()
  })

  test('ends every call within the store’s time limit, retries included', async () => {
    const store = dynamoDbStore(client, 'Mooring-', 200)
    const key = { deviceId: deviceId('device-1') }
    const begun = performance.now()

    const calls = await Promise.allSettled([
      store.get('Devices', key),
      store.update('Devices', key, { set: { name: 'x' }, when: [] }),
      store.query('Devices', { partition: 'device-1' }),
      store.scan('Servers'),
    ])

    assert.ok(calls.every((call) => call.status === 'rejected'))
    assert.ok(performance.now() - begun < 2000)
  })
})
