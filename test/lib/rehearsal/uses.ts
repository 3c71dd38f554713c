/** Uses the deployed stack with the clients that Mooring itself uses, on the
 *  resources that CloudFormation made. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import {
  DescribeTasksCommand,
  ECSClient,
  ListClustersCommand,
  ListServicesCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
} from '@aws-sdk/client-ecs'
import { InvokeCommand, LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda'
import {
  GetSecretValueCommand,
  ListSecretsCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { dynamoDbStore } from '../../../aws/dynamodb-store.ts'
import { systemClock } from '../../../core/clock.ts'
import { deviceId, serverId } from '../../../core/ids.ts'
import { activate, announce } from '../../../core/protocol/membership.ts'
import { readDevice } from '../../../core/protocol/ownership.ts'
import type { Telemetry } from '../../../core/telemetry.ts'
import { ecsService } from '../../../lambdas/adapters/ecs-service.ts'
import { ecsTasks } from '../../../lambdas/adapters/ecs-tasks.ts'
import { findKey } from '../../../lambdas/api-keys.ts'

const store = () => dynamoDbStore(new DynamoDBClient({}), 'Mooring-', 5000)
const silent: Telemetry = { emit: () => undefined }

// biome-ignore lint/suspicious/noExplicitAny: events of many shapes, as AWS sends them
function recorded(name: string): any {
  return JSON.parse(readFileSync(new URL(`../events/${name}.json`, import.meta.url), 'utf8'))
}

/** @returns the key that the custom resource made */
export async function useFirstKey(): Promise<string> {
  const secrets = new SecretsManagerClient({})
  const { SecretList = [] } = await secrets.send(new ListSecretsCommand({}))
  const first = SecretList.find(({ Name }) => Name?.includes('FirstKey'))
  const { SecretString = '' } = await secrets.send(new GetSecretValueCommand({ SecretId: first?.ARN }))
  assert.match(SecretString, /^mooring_/)
  const row = await findKey(store(), SecretString)
  assert.equal(row?.scope, 'admin')
  return SecretString
}

export async function useApi(apiKey: string): Promise<void> {
  const server = {
    serverId: serverId('rehearsed'),
    name: 'rehearsed',
    url: 'http://127.0.0.1:8081',
    capacity: 10,
  }
  await announce(store(), systemClock, server)
  await activate(store(), server.serverId)
  const asked = recorded('authorizer')
  asked.headers['x-api-key'] = apiKey
  const { context } = await invoke('authorizer', asked)
  assert.equal(context.scope, 'admin')
  const event = recorded('api')
  event.requestContext.authorizer.lambda = context
  const answer = await invoke('api', event)
  assert.equal(answer.statusCode, 201, JSON.stringify(answer))
  assert.equal((await readDevice(store(), deviceId('shop-1'))).owner, 'rehearsed')
}

// biome-ignore lint/suspicious/noExplicitAny: each function answers in its own shape
async function invoke(name: string, event: unknown): Promise<any> {
  const client = new LambdaClient({})
  const { Functions = [] } = await client.send(new ListFunctionsCommand({}))
  const found = Functions.find(({ FunctionName }) => FunctionName?.includes(`Functions${name}`))
  const Payload = Buffer.from(JSON.stringify(event))
  const answer = await client.send(new InvokeCommand({ FunctionName: found?.FunctionName, Payload }))
  return JSON.parse(Buffer.from(answer.Payload ?? []).toString('utf8'))
}

export async function useTaskControl(): Promise<void> {
  const ecs = new ECSClient({})
  const { clusterArns = [] } = await ecs.send(new ListClustersCommand({}))
  const cluster = clusterArns.find((arn) => arn.includes('Mooring')) ?? assert.fail('no cluster')
  const { serviceArns = [] } = await ecs.send(new ListServicesCommand({ cluster }))
  const service = ecsService(cluster, serviceArns[0] ?? assert.fail('no service'), ecs)
  const { desired } = await service.size()
  await service.resize(desired + 1)
  assert.equal((await service.size()).desired, desired + 1)

  // moto adds up the sizes of the containers; on Fargate the task has the size.
  const container = { name: 'server', image: 'example.org/mooring:rehearsal', cpu: 256, memory: 512 }
  const definition = new RegisterTaskDefinitionCommand({
    family: 'rehearsed',
    containerDefinitions: [container],
  })
  await ecs.send(definition)
  const started = await ecs.send(
    new RunTaskCommand({
      cluster,
      taskDefinition: 'rehearsed',
      launchType: 'FARGATE',
      networkConfiguration: { awsvpcConfiguration: { subnets: [] } },
    }),
  )
  const taskArn = started.tasks?.[0]?.taskArn ?? assert.fail('no task')
  await ecsTasks(ecs, cluster, silent).stopTask(taskArn, 'rehearsed')
  const { tasks = [] } = await ecs.send(new DescribeTasksCommand({ cluster, tasks: [taskArn] }))
  assert.equal(tasks[0]?.desiredStatus, 'STOPPED')
}
