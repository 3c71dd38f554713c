import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { readFargateTask } from '../../../hosts/server/fargate.ts'

/** The answer of the task metadata endpoint, version 4, without the parts that Mooring does not read. */
const TASK = {
  Cluster: 'arn:aws:ecs:eu-west-1:000000000000:cluster/mooring',
  TaskARN: 'arn:aws:ecs:eu-west-1:000000000000:task/mooring/0123456789abcdef0123456789abcdef',
  Family: 'mooring-host',
  Containers: [{ Name: 'host', Networks: [{ NetworkMode: 'awsvpc', IPv4Addresses: ['10.0.1.23'] }] }],
}

test('a task is named and reached as its metadata says', async (context) => {
  const metadata = createServer((request, response) => {
    response.writeHead(request.url === '/v4/task' ? 200 : 404).end(JSON.stringify(TASK))
  })
  context.after(() => metadata.close())
  await new Promise<void>((resolve) => metadata.listen(0, '127.0.0.1', resolve))
  const { port } = metadata.address() as AddressInfo
  assert.deepEqual(await readFargateTask(`http://127.0.0.1:${port}/v4`), {
    taskArn: TASK.TaskARN,
    name: 'task-456789abcdef',
    address: '10.0.1.23',
  })
})
