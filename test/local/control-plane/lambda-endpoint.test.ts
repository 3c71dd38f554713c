import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import type { ServerRow } from '../../../core/store/server-row.ts'
import { lambdaDoorbell } from '../../../lambdas/adapters/doorbell-invocation.ts'
import type { FunctionName } from '../../../lambdas/functions.ts'
import type { LocalFunctions } from '../../../local/control-plane/functions.ts'
import { startLambdaEndpoint } from '../../../local/control-plane/lambda-endpoint.ts'
import { LOCAL_CREDENTIALS, LOCAL_REGION } from '../../../local/database.ts'
import { aServerRow, type Emitted } from '../../builders/builders.ts'

/** The endpoint, and the SDK's own client for it. */
async function anEndpoint(functions: LocalFunctions) {
  const failures: [FunctionName, unknown][] = []
  const endpoint = await startLambdaEndpoint(functions, (name, error) => failures.push([name, error]))
  const url = `http://127.0.0.1:${endpoint.port}`
  const client = new LambdaClient({
    endpoint: url,
    region: LOCAL_REGION,
    credentials: LOCAL_CREDENTIALS,
    maxAttempts: 1,
  })
  const invoke = (
    FunctionName: string,
    event: unknown,
    InvocationType: 'Event' | 'RequestResponse' = 'RequestResponse',
  ) =>
    client.send(
      new InvokeCommand({ FunctionName, InvocationType, Payload: Buffer.from(JSON.stringify(event)) }),
    )
  const close = async () => {
    client.destroy()
    await endpoint.close()
  }
  return { endpoint, url, client, invoke, failures, close }
}

const payloadOf = (answer: { Payload?: Uint8Array | undefined }) =>
  JSON.parse(Buffer.from(answer.Payload ?? []).toString())

test('the SDK gets what the function returns', async () => {
  const { invoke, close } = await anEndpoint({ assign: async (event) => ({ heard: event }) })
  const answer = await invoke('mooring-assign', { deviceIds: ['a'] })
  await close()
  assert.equal(answer.StatusCode, 200)
  assert.equal(answer.FunctionError, undefined)
  assert.deepEqual(payloadOf(answer), { heard: { deviceIds: ['a'] } })
})

test('a function is found by its ARN, too', async () => {
  const { invoke, close } = await anEndpoint({ assign: async () => 'here' })
  const answer = await invoke('arn:aws:lambda:eu-west-1:123456789012:function:mooring-assign:live', {})
  await close()
  assert.equal(payloadOf(answer), 'here')
})

test('a function that throws gives an unhandled error, as Lambda does', async () => {
  const { invoke, close } = await anEndpoint({ assign: () => Promise.reject(new RangeError('too many')) })
  const answer = await invoke('mooring-assign', {})
  await close()
  assert.equal(answer.StatusCode, 200)
  assert.equal(answer.FunctionError, 'Unhandled')
  assert.deepEqual(payloadOf(answer), { errorType: 'RangeError', errorMessage: 'too many', trace: [] })
})

test('an event is acknowledged before the function has ended', async () => {
  const work = Promise.withResolvers<void>()
  const { endpoint, invoke, close } = await anEndpoint({ assign: () => work.promise })
  const answer = await invoke('mooring-assign', {}, 'Event')
  work.resolve()
  await endpoint.idle()
  await close()
  assert.equal(answer.StatusCode, 202)
})

test('the error of a function that an event invoked is reported', async () => {
  const { endpoint, invoke, failures, close } = await anEndpoint({
    assign: () => Promise.reject(new Error('broken')),
  })
  await invoke('mooring-assign', {}, 'Event')
  await endpoint.idle()
  await close()
  assert.deepEqual(failures, [['assign', new Error('broken')]])
})

test('no more than ten events run at the same time, and each runs once', async () => {
  const gate = Promise.withResolvers<void>()
  let begun = 0
  const assign = () => {
    begun += 1
    return gate.promise
  }
  const { endpoint, invoke, close } = await anEndpoint({ assign })
  await Promise.all(Array.from({ length: 30 }, () => invoke('mooring-assign', {}, 'Event')))
  const begunAtFirst = begun
  gate.resolve()
  await endpoint.idle()
  await close()
  assert.equal(begunAtFirst, 10)
  assert.equal(begun, 30)
})

test('an unknown function is not found', async () => {
  const { invoke, close } = await anEndpoint({})
  await assert.rejects(invoke('somebody-elses', {}), { name: 'ResourceNotFoundException' })
  await close()
})

test('a payload that is not JSON is refused', async () => {
  const { client, close } = await anEndpoint({ assign: async () => 1 })
  const command = new InvokeCommand({ FunctionName: 'mooring-assign', Payload: Buffer.from('{') })
  await assert.rejects(client.send(command), { name: 'InvalidRequestContentException' })
  await close()
})

test('a ring of the Lambdas reaches the doorbell Lambda, for each server once', async () => {
  const events: unknown[] = []
  const { endpoint, client, close } = await anEndpoint({
    doorbell: async (event) => void events.push(event),
  })
  const { emitted, telemetry } = aTelemetry()
  const server = aServerRow('server-1')
  await lambdaDoorbell(client, 'mooring-doorbell', telemetry).ring([server, server])
  await endpoint.idle()
  await close()
  assert.deepEqual(events, [{ servers: [{ serverId: 'server-1', url: server.url }] }])
  assert.deepEqual(emitted, [])
})

test('five hundred servers are rung in three invocations', async () => {
  const rung: number[] = []
  const { endpoint, client, close } = await anEndpoint({
    doorbell: async (event: { servers: unknown[] }) => void rung.push(event.servers.length),
  })
  const servers: ServerRow[] = Array.from({ length: 500 }, (_, number) => aServerRow(`server-${number}`))
  await lambdaDoorbell(client, 'mooring-doorbell', aTelemetry().telemetry).ring(servers)
  await endpoint.idle()
  await close()
  assert.deepEqual(rung.toSorted(), [100, 200, 200])
})

test('a doorbell Lambda that cannot be invoked is reported, and nothing is thrown', async () => {
  const { client, close } = await anEndpoint({})
  const { emitted, telemetry } = aTelemetry()
  await lambdaDoorbell(client, 'no-such-function', telemetry).ring([aServerRow('server-1')])
  await close()
  assert.deepEqual(emitted, ['doorbell.unanswered'])
})

function aTelemetry() {
  const emitted: Emitted['event'][] = []
  return { emitted, telemetry: { emit: (event: Emitted['event']) => void emitted.push(event) } }
}
