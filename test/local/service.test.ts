import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setImmediate as soon } from 'node:timers/promises'
import { ECSClient } from '@aws-sdk/client-ecs'
import { ecsService } from '../../lambdas/adapters/ecs-service.ts'
import { LOCAL_CREDENTIALS, LOCAL_REGION } from '../../local/database.ts'
import { LOCAL_CLUSTER, LOCAL_SERVICE, startEcsEndpoint } from '../../local/ecs-endpoint.ts'
import type { ServerExit, ServerProcess } from '../../local/server-process.ts'
import { createService } from '../../local/service.ts'

const closing: (() => Promise<void> | void)[] = []
after(async () => {
  for (const close of closing) await close()
})

/** A process that ends at its first signal. */
function aProcess(name: string, number: number) {
  const end = Promise.withResolvers<ServerExit>()
  let isOver = false
  const process: ServerProcess = {
    name,
    url: `http://127.0.0.1:${number}`,
    taskArn: `task-${number}`,
    pid: number,
    exited: end.promise,
    hasExited: () => isOver,
    signal() {
      isOver = true
      end.resolve({ code: 0, signal: null, lastWords: '' })
    },
    wasSignalled: () => isOver,
  }
  return process
}

/** A service of `desired` processes, reached by the client that is deployed. */
async function aService(desired: number, started: () => Promise<void> = async () => undefined) {
  const made: ServerProcess[] = []
  const service = createService({
    desired,
    restart: false,
    async start(name) {
      await started()
      const process = aProcess(name, made.length + 1)
      made.push(process)
      return process
    },
    exited: async () => undefined,
  })
  for (let number = 1; number <= desired; number++) await service.add(`server-${number}`)
  const endpoint = await startEcsEndpoint(service)
  const client = new ECSClient({
    endpoint: `http://127.0.0.1:${endpoint.port}`,
    region: LOCAL_REGION,
    credentials: LOCAL_CREDENTIALS,
    maxAttempts: 1,
  })
  closing.push(
    () => client.destroy(),
    () => endpoint.close(),
  )
  const control = ecsService(LOCAL_CLUSTER, LOCAL_SERVICE, client)
  return { service, control, made, names: () => service.servers().map(({ name }) => name) }
}

test('a deployment starts a new server beside the protected old ones, and the next when one has ended', async () => {
  const { service, control, names } = await aService(2)
  const { deployment: before } = await control.size()

  assert.equal(await control.protect(['task-1', 'task-2'], 60), true)
  await control.redeploy()
  assert.deepEqual(names(), ['server-1', 'server-2', 'server-3'])
  const during = await control.size()
  assert.equal(during.steady, false)
  assert.notEqual(during.deployment, before)

  service.stopTask('task-1')
  await soon()
  assert.deepEqual(names(), ['server-2', 'server-3', 'server-1'])
  service.stopTask('task-2')
  await soon()
  assert.deepEqual(names(), ['server-3', 'server-1'])
  assert.deepEqual(await control.size(), { desired: 2, steady: true, deployment: during.deployment })
})

test('a deployment stops servers that are not protected, as ECS does', async () => {
  const { service, control } = await aService(2)
  await control.protect(['task-1'], 60)
  await control.redeploy()
  await soon()
  assert.deepEqual(
    service.servers().map(({ taskArn }) => taskArn),
    ['task-1', 'task-3', 'task-4'],
  )
})

test('a smaller service stops a server that is not protected', async () => {
  const { control, names } = await aService(3)
  await control.protect(['task-1', 'task-3'], 60)
  await control.resize(2)
  await soon()
  assert.deepEqual(names(), ['server-1', 'server-3'])
})

test('a service that ends while a server is starting ends that server, too', async () => {
  const slow = Promise.withResolvers<void>()
  let isSlow = false
  const { service, control, made } = await aService(1, () => (isSlow ? slow.promise : Promise.resolve()))
  isSlow = true
  await control.protect(['task-1'], 60)
  const deploying = control.redeploy()
  while (made.length === 1 && service.size().deployments.length === 1) await soon()
  const ended = service.end()
  slow.resolve()
  await ended
  await deploying
  assert.deepEqual(
    made.map((process) => process.hasExited()),
    [true, true],
  )
})
