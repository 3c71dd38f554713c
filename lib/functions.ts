/** The Lambdas of the control plane, by the table in lambdas/functions.ts. */
import { Duration, Validations } from 'aws-cdk-lib'
import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { Secret } from 'aws-cdk-lib/aws-secretsmanager'
import { Queue } from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import { SWEEP_LOOKS_FOR_MS } from '../core/sweep/sweep.ts'
import { FUNCTION_NAMES, FUNCTIONS, type FunctionName } from '../lambdas/functions.ts'
import { type Configuration, protocolVariables } from './configuration.ts'
import { type AsyncSettings, Lambda } from './lambda.ts'
import type { Network } from './network.ts'
import { TABLE_USES, tableStatements } from './permissions.ts'
import type { Tables } from './tables.ts'

const MEMORY_MIB: Readonly<Record<FunctionName, number>> = {
  api: 512,
  authorizer: 256,
  sweep: 512,
  'task-stopped': 512,
  assign: 512,
  doorbell: 256,
}

const DESCRIPTIONS: Readonly<Record<FunctionName, string>> = {
  api: 'The HTTP API: devices, servers, fleet',
  authorizer: 'Finds the caller of the API by its key',
  sweep: 'Buries silent servers, and finds servers for devices that wait',
  'task-stopped': 'Buries a server whose task has stopped',
  assign: 'Finds servers for given devices',
  doorbell: 'Tells servers to look',
}

export interface FunctionsProps {
  readonly configuration: Configuration
  readonly tables: Tables
  readonly network: Network
  readonly doorbellSecret: Secret
  readonly cursorSecret: Secret
}

export class Functions extends Construct {
  readonly deadLetters: Queue
  readonly byName: Readonly<Record<FunctionName, Lambda>>

  constructor(scope: Construct, id: string, props: FunctionsProps) {
    super(scope, id)
    this.deadLetters = deadLetterQueue(this)
    const doorbell = this.#create('doorbell', props)
    const others = FUNCTION_NAMES.filter((name) => name !== 'doorbell').map(
      (name) => [name, this.#create(name, props, doorbell)] as const,
    )
    this.byName = { ...Object.fromEntries(others), doorbell } as Record<FunctionName, Lambda>
  }

  #create(name: FunctionName, props: FunctionsProps, doorbell?: Lambda): Lambda {
    const { configuration, network } = props
    const asynchronous = asyncSettings(name, this.deadLetters)
    return new Lambda(this, name, {
      configuration,
      entry: name,
      description: DESCRIPTIONS[name],
      timeoutSeconds: FUNCTIONS[name].timeoutSeconds,
      memoryMiB: MEMORY_MIB[name],
      environment: variables(name, props, doorbell),
      statements: [...tableStatements(props.tables, TABLE_USES[name]), ...ringing(name, doorbell)],
      ...(asynchronous ? { asynchronous } : {}),
      ...(name === 'doorbell'
        ? {
            network: {
              vpc: network.vpc,
              subnets: network.doorbellSubnets,
              securityGroup: network.doorbellSecurityGroup,
            },
          }
        : {}),
    })
  }
}

/** The variables of a function that are known before the cluster is. `TaskPermissions`
 *  in tasks.ts adds the others. */
function variables(
  name: FunctionName,
  { configuration, tables, doorbellSecret, cursorSecret }: FunctionsProps,
  doorbell?: Lambda,
): Record<string, string> {
  const known: Readonly<Record<string, string | undefined>> = {
    TABLE_PREFIX: tables.prefix,
    DOORBELL_FUNCTION: doorbell?.function.functionName,
    // CloudFormation resolves both secrets when it deploys. So no function needs a permission to read them,
    // and every instance of a function has the same secrets.
    DOORBELL_SECRET: doorbellSecret.secretValue.unsafeUnwrap(),
    CURSOR_SECRET: cursorSecret.secretValue.unsafeUnwrap(),
    SWEEP_LOOKS_FOR_MS: String(SWEEP_LOOKS_FOR_MS),
    FLEET_CONNECTS_PER_SECOND: String(configuration.fleetConnectsPerSecond),
    REBALANCING: configuration.rebalancing ? 'on' : 'off',
    REBALANCE_BAND_PERCENT: String(configuration.rebalanceBandPercent),
    REBALANCE_SHARE_OF_FLEET_PERCENT: String(configuration.rebalanceShareOfFleetPercent),
    REBALANCE_IN_FLIGHT_PER_SERVER: String(configuration.rebalanceInFlightPerServer),
    ...protocolVariables(configuration),
  }
  const read: readonly string[] = FUNCTIONS[name].variables
  return Object.fromEntries(
    read.flatMap((variable) => (known[variable] ? [[variable, known[variable]]] : [])),
  )
}

function ringing(name: FunctionName, doorbell: Lambda | undefined): PolicyStatement[] {
  const read: readonly string[] = FUNCTIONS[name].variables
  if (!doorbell || !read.includes('DOORBELL_FUNCTION')) return []
  return [
    new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [doorbell.function.functionArn] }),
  ]
}

function asyncSettings(name: FunctionName, deadLetters: Queue): AsyncSettings | undefined {
  switch (name) {
    case 'sweep':
      // The next sweep starts within a minute.
      return { retries: 0, ageSecondsMax: 60, deadLetters }
    case 'task-stopped':
      return { retries: 2, ageSecondsMax: 3600, deadLetters }
    case 'assign':
      // By then the sweep has found the devices.
      return { retries: 2, ageSecondsMax: 300, deadLetters }
    case 'doorbell':
      // A late ring is useless, and a lost ring costs a beat.
      return { retries: 0, ageSecondsMax: 60 }
    default:
      return undefined
  }
}

function deadLetterQueue(scope: Construct): Queue {
  const queue = new Queue(scope, 'DeadLetters', { enforceSSL: true, retentionPeriod: Duration.days(14) })
  Validations.of(queue).acknowledge({
    id: 'AwsSolutions-SQS3',
    reason: 'This queue is the dead-letter queue itself: functions and rules name it as theirs.',
  })
  return queue
}
