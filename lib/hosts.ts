/** The data plane: a Fargate service whose tasks are the servers that hold the sockets. */
import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib'
import {
  AvailabilityZoneRebalancing,
  AwsLogDriverMode,
  Cluster,
  ContainerInsights,
  CpuArchitecture,
  Secret as EcsSecret,
  FargateService,
  FargateTaskDefinition,
  LinuxParameters,
  LogDrivers,
  OperatingSystemFamily,
} from 'aws-cdk-lib/aws-ecs'
import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import { Secret } from 'aws-cdk-lib/aws-secretsmanager'
import { Size } from 'aws-cdk-lib/core'
import { Construct } from 'constructs'
import type { AuthKey } from './auth-key.ts'
import { type Configuration, protocolVariables } from './configuration.ts'
import { hostImage, letTaskPull } from './host-image.ts'
import type { Lambda } from './lambda.ts'
import { type Network, SERVER_PORT } from './network.ts'
import { TABLE_USES, tableStatements } from './permissions.ts'
import type { Tables } from './tables.ts'

/** A leaving server has 100 s to release its devices, and needs some seconds more to write its last rows. */
const STOP_SECONDS = 120
const HEALTH_URL = `http://127.0.0.1:${SERVER_PORT}/health`
/** Uses Node, because the image has no curl. The status 200 means that the server has a valid lease. */
const HEALTH_CHECK = `fetch('${HEALTH_URL}').then((a)=>process.exit(a.ok?0:1),()=>process.exit(1))`

export interface HostsProps {
  readonly configuration: Configuration
  readonly tables: Tables
  readonly network: Network
  readonly doorbellSecret: Secret
  readonly assign: Lambda
  readonly authKey: AuthKey
}

export class Hosts extends Construct {
  readonly cluster: Cluster
  readonly service: FargateService
  readonly task: FargateTaskDefinition
  readonly logGroup: LogGroup

  constructor(scope: Construct, id: string, props: HostsProps) {
    super(scope, id)
    const { configuration, network } = props
    this.cluster = new Cluster(this, 'Cluster', {
      vpc: network.vpc,
      containerInsightsV2: ContainerInsights.ENABLED,
    })
    this.logGroup = new LogGroup(this, 'Log', {
      retention: configuration.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    this.task = this.#defineTask(props)
    this.service = new FargateService(this, 'Service', {
      cluster: this.cluster,
      taskDefinition: this.task,
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      circuitBreaker: { rollback: true },
      // ECS would move tasks between zones, and each move of a task moves its devices for nothing.
      availabilityZoneRebalancing: AvailabilityZoneRebalancing.DISABLED,
      assignPublicIp: network.serversHavePublicAddresses,
      vpcSubnets: network.serverSubnets,
      securityGroups: [network.serverSecurityGroup],
      enableECSManagedTags: true,
    })
  }

  #defineTask(props: HostsProps): FargateTaskDefinition {
    const { configuration, tables, assign, doorbellSecret, authKey } = props
    const task = new FargateTaskDefinition(this, 'Task', {
      cpu: configuration.taskCpuUnits,
      memoryLimitMiB: configuration.taskMemoryMiB,
      runtimePlatform: {
        cpuArchitecture: CpuArchitecture.ARM64,
        operatingSystemFamily: OperatingSystemFamily.LINUX,
      },
    })
    const statements = [...tableStatements(tables, TABLE_USES.host), ...authKey.statements()]
    for (const statement of statements) task.addToTaskRolePolicy(statement)
    task.addToTaskRolePolicy(
      new PolicyStatement({
        actions: ['lambda:InvokeFunction'],
        resources: [assign.function.functionArn],
      }),
    )
    task.addContainer('server', {
      image: hostImage(configuration),
      environment: variables(props),
      secrets: {
        DOORBELL_SECRET: EcsSecret.fromSecretsManager(doorbellSecret),
        ...messagesSecret(this, configuration),
      },
      // The kernel drops a signal to PID 1 that has no handler. As PID 1 Node would neither get a SIGTERM of
      // the first moment, nor die by the SIGABRT of its own watchdog.
      linuxParameters: new LinuxParameters(task, 'Linux', { initProcessEnabled: true }),
      readonlyRootFilesystem: true,
      user: 'node',
      portMappings: [{ containerPort: SERVER_PORT }],
      stopTimeout: Duration.seconds(STOP_SECONDS),
      // Strict at the start: a server that cannot get a lease then stops the deployment.
      // Patient later: an outage of DynamoDB ends every lease, and replacing all servers would not help.
      healthCheck: {
        command: ['CMD', 'node', '-e', HEALTH_CHECK],
        interval: Duration.seconds(30),
        timeout: Duration.seconds(5),
        retries: 10,
        startPeriod: Duration.seconds(60),
      },
      // If a full log blocked the server, its beats would stop.
      logging: LogDrivers.awsLogs({
        logGroup: this.logGroup,
        streamPrefix: 'server',
        mode: AwsLogDriverMode.NON_BLOCKING,
        maxBufferSize: Size.mebibytes(16),
      }),
    })
    letTaskPull(task, configuration)
    acknowledge(task)
    return task
  }
}

function messagesSecret(scope: Construct, { messagesSecretArn }: Configuration): Record<string, EcsSecret> {
  if (!messagesSecretArn) return {}
  const secret = Secret.fromSecretCompleteArn(scope, 'MessagesSecret', messagesSecretArn)
  return { MESSAGES_SECRET: EcsSecret.fromSecretsManager(secret) }
}

/** The variables of a server, except those that it learns from its task. */
function variables({ configuration, tables, assign, authKey }: HostsProps): Record<string, string> {
  return {
    TABLE_PREFIX: tables.prefix,
    ASSIGN_FUNCTION: assign.function.functionName,
    SERVER_MAX_CAPACITY: String(configuration.capacityPerServer),
    SERVER_PORT: String(SERVER_PORT),
    SERVER_LISTEN: '0.0.0.0',
    CONNECTS_PER_SECOND: String(configuration.connectsPerSecond),
    BACKOFF_BASE_MS: String(configuration.backoffBaseMs),
    BACKOFF_CAP_MS: String(configuration.backoffCapMs),
    AUTH_KEY: authKey.arn,
    AUTH_DATA_KEY_DAYS: String(configuration.authDataKeyDays),
    PAIRING_TIMEOUT_MS: String(configuration.pairingTimeoutMinutes * 60_000),
    ...(configuration.messagesUrl ? { MESSAGES_URL: configuration.messagesUrl } : {}),
    ...(configuration.whatsappVersion ? { WHATSAPP_VERSION: configuration.whatsappVersion } : {}),
    HISTORY_SYNC: configuration.historySync ? 'on' : 'off',
    ...protocolVariables(configuration),
  }
}

/** The variables of hosts/environment.ts that the stack does not set, each with its reason. */
export const NOT_SET_BY_THE_STACK = {
  SERVER_NAME: 'each task takes its own from its metadata',
  SERVER_URL: 'each task has its own address',
  TASK_ARN: 'the task takes it from its metadata',
  AUTH_KEY_FILE: 'AUTH_KEY names a KMS key',
  ECS_CONTAINER_METADATA_URI_V4: 'set by ECS',
  STALL_AFTER_MS: 'its default is the right one',
  WHATSAPP_URL: "the client's own address of WhatsApp is the right one",
} as const

function acknowledge(task: FargateTaskDefinition): void {
  Validations.of(task).acknowledge(
    {
      id: 'AwsSolutions-ECS2',
      reason:
        'The variables are names, sizes and times; the one secret comes from Secrets Manager through ECS.',
    },
    {
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'ecr:GetAuthorizationToken of the execution role has no narrower resource.',
    },
  )
}
