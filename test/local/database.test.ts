import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { dynamoDbStore } from '../../aws/dynamodb-store.ts'
import { deviceId, epoch } from '../../core/ids.ts'
import { type DatabaseExchange, LOCAL_TABLE_PREFIX, startDatabase } from '../../local/database.ts'

test('a client that is killed in the middle of a request does not end the database', async (context) => {
  const database = await startDatabase()
  context.after(() => database.close())
  const client = connect(Number(new URL(database.endpoint).port), '127.0.0.1')
  await once(client, 'connect')
  client.write('POST / HTTP/1.1\r\nHost: local\r\nContent-Length: 1000\r\n\r\n{"half')
  await new Promise((resolve) => setTimeout(resolve, 50))
  client.resetAndDestroy()
  await new Promise((resolve) => setTimeout(resolve, 50))
  const store = dynamoDbStore(database.client, LOCAL_TABLE_PREFIX, 5000)
  assert.equal(await store.get('Keys', { keyId: 'none' }), undefined)
})

test('a listener hears every request and its answer, in the order in which they were applied', async (context) => {
  const database = await startDatabase()
  context.after(() => database.close())
  const heard: DatabaseExchange[] = []
  database.onExchange((exchange) => heard.push(exchange))
  const store = dynamoDbStore(database.client, LOCAL_TABLE_PREFIX, 5000)
  const key = { deviceId: deviceId('device-1'), key: 'one' }
  await store.update('AuthState', key, { set: { epoch: epoch(2) }, when: [] })
  await store.remove('AuthState', key)
  assert.deepEqual(
    heard.map(({ operation, status, answer }) => [operation, status, answer.includes('"epoch"')]),
    [
      ['UpdateItem', 200, true],
      ['DeleteItem', 200, false],
    ],
  )
  assert.match(heard[0]?.request ?? '', /"Mooring-AuthState"/)
})
