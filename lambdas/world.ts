/** What the Lambdas need from outside, built from the environment at the first invocation. Nothing else constructs a
 *  client; a test hands in a world of its own. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { ECSClient } from '@aws-sdk/client-ecs'
import { LambdaClient } from '@aws-sdk/client-lambda'
import { type ChurnLedger, churnLedger } from '../core/churn.ts'
import { systemClock } from '../core/clock.ts'
import { systemRandom } from '../core/random.ts'
import type { Store } from '../core/store.ts'
import { dynamoDbStore } from '../core/store-dynamodb.ts'
import { type FlushedTelemetry, powertoolsTelemetry } from '../core/telemetry-powertools.ts'
import type { World } from '../core/world.ts'
import { lambdaDoorbell } from './doorbell-call.ts'
import { type FunctionEnvironment, settingsOf } from './environment.ts'
import type { FunctionName } from './functions.ts'
import { ecsTasks, noTasks } from './task-control.ts'

/** One request to DynamoDB, its retries included. */
const STORE_MS_MAX = 5000
const CONNECT_MS_MAX = 1000
const TRIES_MAX = 3

export interface LambdaWorld extends World {
  readonly telemetry: FlushedTelemetry
}

type WorldEnvironment = FunctionEnvironment<'assign'> & Partial<FunctionEnvironment<'sweep'>>

/** @param name one of the functions that assign devices or tell servers to look */
export function lambdaWorld(name: FunctionName, environment: WorldEnvironment): LambdaWorld {
  const { TABLE_PREFIX, DOORBELL_FUNCTION, ECS_CLUSTER: cluster } = environment
  const store = lambdaStore(TABLE_PREFIX)
  const telemetry = powertoolsTelemetry(name, churnLedger(store, systemClock))
  return {
    store,
    clock: systemClock,
    random: systemRandom,
    telemetry,
    doorbell: lambdaDoorbell(new LambdaClient(impatient), DOORBELL_FUNCTION, telemetry),
    tasks: cluster ? ecsTasks(new ECSClient(impatient), cluster, telemetry) : noTasks(telemetry),
    settings: settingsOf(environment),
  }
}

export function lambdaStore(tablePrefix: string): Store {
  return dynamoDbStore(new DynamoDBClient(impatient), tablePrefix, STORE_MS_MAX)
}

/** Telemetry of a function that counts no churn, and so needs no permission to write it. */
export function lambdaTelemetry(name: FunctionName): FlushedTelemetry {
  const nothing: ChurnLedger = { count: () => undefined, flush: async () => undefined }
  return powertoolsTelemetry(name, nothing)
}

const impatient = { maxAttempts: TRIES_MAX, requestHandler: { connectionTimeout: CONNECT_MS_MAX } }
