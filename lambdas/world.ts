/** The world of the Lambdas, built from the environment at the first invocation. Clients are constructed only
 *  here and in adapters/; a test hands in a world of its own. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { LambdaClient } from '@aws-sdk/client-lambda'
import { dynamoDbStore } from '../aws/dynamodb-store.ts'
import { type FlushedTelemetry, powertoolsTelemetry } from '../aws/powertools-telemetry.ts'
import { systemClock } from '../core/clock.ts'
import { systemRandom } from '../core/random.ts'
import { settingsOf } from '../core/settings.ts'
import type { Store } from '../core/store/store.ts'
import { churnLedger } from '../core/telemetry/churn.ts'
import type { TaskControl, World } from '../core/world.ts'
import { IMPATIENT } from './adapters/clients.ts'
import { lambdaDoorbell } from './adapters/doorbell-invocation.ts'
import { noTasks } from './adapters/ecs-tasks.ts'
import type { FunctionEnvironment } from './environment.ts'
import type { FunctionName } from './functions.ts'

/** The limit of one request to DynamoDB, its retries included. */
const STORE_MS_MAX = 5000

export interface LambdaWorld extends World {
  readonly telemetry: FlushedTelemetry
}

/** @param name a function that assigns devices or tells servers to look
 *  @param tasksOf given by a function that may end tasks; the others are bundled without the client of ECS */
export function lambdaWorld(
  name: FunctionName,
  environment: FunctionEnvironment<'assign'>,
  tasksOf: (telemetry: FlushedTelemetry) => TaskControl = noTasks,
): LambdaWorld {
  const { TABLE_PREFIX, DOORBELL_FUNCTION } = environment
  const store = lambdaStore(TABLE_PREFIX)
  const telemetry = powertoolsTelemetry(name, churnLedger(store, systemClock))
  return {
    store,
    clock: systemClock,
    random: systemRandom,
    telemetry,
    doorbell: lambdaDoorbell(new LambdaClient(IMPATIENT), DOORBELL_FUNCTION, telemetry),
    tasks: tasksOf(telemetry),
    settings: settingsOf(environment),
  }
}

export function lambdaStore(tablePrefix: string): Store {
  return dynamoDbStore(new DynamoDBClient(IMPATIENT), tablePrefix, STORE_MS_MAX)
}
