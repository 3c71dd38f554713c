import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ECSClient } from '@aws-sdk/client-ecs'
import { ecsService } from '../../../lambdas/adapters/ecs-service.ts'

/** A client that records its requests and answers them from a list. */
function anEcs(...answers: object[]) {
  const asked: { name: string; input: Record<string, unknown> }[] = []
  const client = new ECSClient({
    region: 'eu-west-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  })
  client.send = async (command: { constructor: { name: string }; input: object }) => {
    asked.push({ name: command.constructor.name, input: { ...command.input } })
    return answers.shift() ?? {}
  }
  return { client, asked }
}

test('a service is steady with one deployment and as many running tasks as desired', async () => {
  const service = (deployments: number, runningCount: number) => ({
    services: [
      { desiredCount: 3, runningCount, deployments: Array.from({ length: deployments }, () => ({})) },
    ],
  })
  const { client } = anEcs(service(1, 3), service(2, 3), service(1, 2))
  const control = ecsService('mooring', 'servers', client)
  const sizes = [await control.size(), await control.size(), await control.size()]
  assert.deepEqual(
    sizes.map(({ steady }) => steady),
    [true, false, false],
  )
})

test('the newest deployment names the service, and a new one can be forced', async () => {
  const deployments = [
    { id: 'ecs-svc/1', status: 'ACTIVE' },
    { id: 'ecs-svc/2', status: 'PRIMARY' },
  ]
  const { client, asked } = anEcs({ services: [{ desiredCount: 3, runningCount: 6, deployments }] })
  const control = ecsService('mooring', 'servers', client)
  assert.equal((await control.size()).deployment, 'ecs-svc/2')
  await control.redeploy()
  assert.deepEqual(asked[1], {
    name: 'UpdateServiceCommand',
    input: { cluster: 'mooring', service: 'servers', forceNewDeployment: true },
  })
})

test('a service that ECS does not know is an error', async () => {
  const { client } = anEcs({ services: [] })
  await assert.rejects(ecsService('mooring', 'servers', client).size(), /no service servers in mooring/)
})

test('tasks are protected ten at a time, which is the most that ECS takes', async () => {
  const { client, asked } = anEcs()
  const tasks = Array.from({ length: 25 }, (_, number) => `task-${number}`)
  assert.equal(await ecsService('mooring', 'servers', client).protect(tasks, 5), true)
  assert.deepEqual(
    asked.map(({ input }) => (input.tasks as string[]).length),
    [10, 10, 5],
  )
  assert.equal(asked[0]?.input.expiresInMinutes, 5)
})

test('a task that cannot be protected is reported', async () => {
  const { client } = anEcs({ failures: [{ arn: 'task-1' }] })
  assert.equal(await ecsService('mooring', 'servers', client).protect(['task-1'], 5), false)
})
