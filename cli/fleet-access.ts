/** The fleet's tables and wrapping key, for import and export. Key material never passes the API, so these
 *  commands use the tables directly, with the operator's own AWS credentials from the usual AWS
 *  environment. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { dynamoDbStore } from '../aws/dynamodb-store.ts'
import { isMooringError } from '../core/errors.ts'
import { type Random, systemRandom } from '../core/random.ts'
import type { Store } from '../core/store/store.ts'
import { openWrapping } from '../hosts/auth-state/keys/open-wrapping.ts'
import type { KeyWrapping } from '../hosts/auth-state/keys/wrapping.ts'
import { Failure, Refused, Unreachable, WrongUsage } from './failures.ts'

/** Includes the retries of the SDK. It may be this long because no lease depends on it. */
const REQUEST_MS_MAX = 30_000
const TRIES_MAX = 10

export interface FleetOptions {
  readonly tablePrefix: string
  readonly authKey?: string
  readonly authKeyFile?: string
}

export interface Fleet {
  readonly store: Store
  readonly random: Random
  readonly wrapping: KeyWrapping
}

/** Runs `work` on the fleet, and turns each error into a sentence and an exit code. */
export async function withFleet(options: FleetOptions, work: (fleet: Fleet) => Promise<void>): Promise<void> {
  const { authKey: AUTH_KEY, authKeyFile: AUTH_KEY_FILE } = options
  if ((AUTH_KEY === undefined) === (AUTH_KEY_FILE === undefined)) {
    throw new WrongUsage(
      'Give the wrapping key of the fleet, as its servers have it: either --auth-key or --auth-key-file.',
    )
  }
  const wrapping = await openWrapping({ AUTH_KEY, AUTH_KEY_FILE }).catch((error: Error) => {
    throw new WrongUsage(error.message)
  })
  return withTables(options, (tables) => work({ ...tables, wrapping }))
}

/** Does the same for a command that opens no credentials, and so needs no key. */
export async function withTables(
  { tablePrefix }: Pick<FleetOptions, 'tablePrefix'>,
  work: (tables: Omit<Fleet, 'wrapping'>) => Promise<void>,
): Promise<void> {
  const client = new DynamoDBClient({ maxAttempts: TRIES_MAX })
  const store = dynamoDbStore(client, tablePrefix, REQUEST_MS_MAX)
  try {
    await work({ store, random: systemRandom })
  } catch (error) {
    throw failureOf(error, tablePrefix)
  } finally {
    client.destroy()
  }
}

const HINTS: Readonly<Record<string, (tablePrefix: string) => string>> = {
  ResourceNotFoundException: (tablePrefix) => ` Is ${tablePrefix} the prefix of the fleet's tables?`,
  UnrecognizedClientException: () =>
    ' A local fleet makes new credentials at each start: load its .env file again, as `npm start` says.',
}

function failureOf(error: unknown, tablePrefix: string): Failure {
  if (error instanceof Failure) return error
  if (isMooringError(error)) return new Refused(error.code, error.message)
  const { name, message } = error instanceof Error ? error : new Error(String(error))
  const hint = HINTS[name]?.(tablePrefix) ?? ''
  return new Unreachable(
    `The fleet's tables cannot be used: ${name}: ${message}.${hint} ` +
      'Region, credentials and endpoint come from the usual AWS environment, such as AWS_REGION and AWS_PROFILE.',
  )
}
