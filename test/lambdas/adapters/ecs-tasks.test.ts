import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { ECSClient } from '@aws-sdk/client-ecs'
import { ecsTasks, noTasks } from '../../../lambdas/adapters/ecs-tasks.ts'
import { LOCAL_CREDENTIALS, LOCAL_REGION } from '../../../local/database.ts'
import type { Emitted } from '../../builders/builders.ts'
import { TASK_ARN } from '../events.ts'

/** An ECS for its client: it records each request and answers with `status`. */
async function anEcs(status: number) {
  const asked: Record<string, unknown>[] = []
  const http = createServer(async (request, response) => {
    asked.push(JSON.parse(await textOf(request)))
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end('{}')
  }).listen(0, '127.0.0.1')
  await once(http, 'listening')
  const endpoint = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  const client = new ECSClient({
    endpoint,
    region: LOCAL_REGION,
    credentials: LOCAL_CREDENTIALS,
    maxAttempts: 1,
  })
  const close = () => {
    client.destroy()
    http.closeAllConnections()
    http.close()
  }
  return { asked, client, close }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

function aTelemetry() {
  const emitted: Emitted['event'][] = []
  return { emitted, telemetry: { emit: (event: Emitted['event']) => void emitted.push(event) } }
}

test('the task of a buried server is stopped, with the reason cut to the length that ECS takes', async () => {
  const ecs = await anEcs(200)
  const { emitted, telemetry } = aTelemetry()
  await ecsTasks(ecs.client, 'mooring', telemetry).stopTask(TASK_ARN, 'x'.repeat(300))
  ecs.close()
  assert.deepEqual(ecs.asked, [{ cluster: 'mooring', task: TASK_ARN, reason: 'x'.repeat(255) }])
  assert.deepEqual(emitted, ['task.stop_asked'])
})

test('a refusal of ECS is logged and does not disturb the sweep', async () => {
  const ecs = await anEcs(400)
  const { emitted, telemetry } = aTelemetry()
  await ecsTasks(ecs.client, 'mooring', telemetry).stopTask(TASK_ARN, 'silent')
  ecs.close()
  assert.deepEqual(emitted, ['task.stop_failed'])
})

test('without a cluster no task is stopped, and the log says so', async () => {
  const { emitted, telemetry } = aTelemetry()
  await noTasks(telemetry).stopTask(TASK_ARN, 'silent')
  assert.deepEqual(emitted, ['task.stop_skipped'])
})
