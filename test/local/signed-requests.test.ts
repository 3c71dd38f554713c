/** The endpoints that ask for a credential of the run, asked as strangers and forgers would ask. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { LOCAL_CREDENTIALS, LOCAL_REGION } from '../../local/database.ts'
import { ask, type Doors, openDoors } from './doors.ts'

let opened: Doors
before(async () => {
  opened = await openDoors()
})
after(() => opened?.close())

describe('without a credential of this run no request is carried out', () => {
  for (const endpoint of ['database', 'lambda', 'ecs'] as const) {
    test(`${endpoint}: a request that is not signed`, async () => {
      const { status, body } = await ask(opened.doors[endpoint])
      assert.match(`${status} ${body}`, /^4\d\d .*missing Authentication Token/i)
    })

    test(`${endpoint}: a header that only looks like a signature`, async () => {
      const scope = `${LOCAL_CREDENTIALS.accessKeyId}/20300101/eu-west-1/${endpoint}/aws4_request`
      const authorization = `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=${'0'.repeat(64)}`
      const { status, body } = await ask(opened.doors[endpoint], { headers: { authorization } })
      assert.match(`${status} ${body}`, /^4\d\d .*signature does not match the request/)
    })
  }

  for (const [what, credentials] of [
    ['of another run', { accessKeyId: 'LOCAL0123456789ABCDEF', secretAccessKey: 'local' }],
    ['that are easy to guess', { accessKeyId: 'local', secretAccessKey: 'local' }],
  ] as const) {
    test(`credentials ${what} are unknown to the database`, async () => {
      const client = new DynamoDBClient({
        endpoint: opened.database.endpoint,
        region: LOCAL_REGION,
        credentials,
      })
      const put = new PutItemCommand({ TableName: 'Mooring-Keys', Item: { keyId: { S: 'forged' } } })
      await assert.rejects(client.send(put), { name: 'UnrecognizedClientException' })
      client.destroy()
    })

    test(`credentials ${what} invoke no function`, async () => {
      const endpoint = `http://127.0.0.1:${opened.doors.lambda.port}`
      const client = new LambdaClient({ endpoint, region: LOCAL_REGION, credentials })
      const invoke = new InvokeCommand({ FunctionName: 'mooring-api', Payload: Buffer.from('{}') })
      await assert.rejects(client.send(invoke), { name: 'UnrecognizedClientException' })
      client.destroy()
    })
  }

  test('the right key id with a wrong secret signs nothing', async () => {
    const credentials = { ...LOCAL_CREDENTIALS, secretAccessKey: 'wrong' }
    const client = new DynamoDBClient({
      endpoint: opened.database.endpoint,
      region: LOCAL_REGION,
      credentials,
    })
    const put = new PutItemCommand({ TableName: 'Mooring-Keys', Item: { keyId: { S: 'forged' } } })
    await assert.rejects(client.send(put), { name: 'InvalidSignatureException' })
    client.destroy()
  })

  test('a signed request whose body was changed on the way is refused', async () => {
    const client = new DynamoDBClient({
      endpoint: opened.database.endpoint,
      region: LOCAL_REGION,
      credentials: LOCAL_CREDENTIALS,
    })
    client.middlewareStack.add(
      (next) => (args) => {
        const sent = args.request as { body: string; headers: Record<string, string> }
        sent.body = sent.body.replace('honest', 'forged')
        sent.headers['x-amz-content-sha256'] = createHash('sha256').update(sent.body).digest('hex')
        return next(args)
      },
      { step: 'finalizeRequest', priority: 'low' },
    )
    const put = new PutItemCommand({ TableName: 'Mooring-Keys', Item: { keyId: { S: 'honest' } } })
    await assert.rejects(client.send(put), { name: 'InvalidSignatureException' })
    client.destroy()
  })

  for (const [what, headers] of [
    ['no token', {}],
    ['another token', { authorization: 'Bearer token' }],
    ['an empty token', { authorization: 'Bearer ' }],
  ] as const) {
    test(`control: ${what}`, async () => {
      const { status } = await ask(
        { ...opened.doors.control, headers: {} },
        { headers: { ...headers } as never },
      )
      assert.equal(status, 401)
    })
  }

  test('none of these requests was carried out', async () => {
    await opened.assertNothingDone()
  })
})
