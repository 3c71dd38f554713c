/** A Lambda: its bundle, its log group, and its role, which holds only the given statements. */
import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib'
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2'
import { Effect, Policy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Architecture, Function as LambdaFunction, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import type { IQueue } from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import { bundle } from './bundle.ts'
import type { Configuration } from './configuration.ts'

/** Lambda itself needs these to attach a function to a VPC. EC2 has no narrower resource for them. */
const NETWORK_INTERFACES = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
]

/** For functions that are invoked without waiting. */
export interface AsyncSettings {
  readonly retries: 0 | 1 | 2
  /** An older event is dropped, because acting on it would be useless. */
  readonly ageSecondsMax: number
  /** Keeps the events that were given up. Absent where a lost event costs nothing. */
  readonly deadLetters?: IQueue
}

export interface LambdaProps {
  readonly configuration: Configuration
  /** The name of the entry file in `lambdas/`, without its ending. */
  readonly entry: string
  readonly description: string
  readonly timeoutSeconds: number
  readonly memoryMiB: number
  readonly environment: Readonly<Record<string, string>>
  readonly statements: readonly PolicyStatement[]
  readonly asynchronous?: AsyncSettings
  readonly network?: { vpc: IVpc; subnets: SubnetSelection; securityGroup: ISecurityGroup }
}

export class Lambda extends Construct {
  readonly function: LambdaFunction
  readonly logGroup: LogGroup

  constructor(scope: Construct, id: string, props: LambdaProps) {
    super(scope, id)
    const { configuration, asynchronous, network } = props
    this.logGroup = new LogGroup(this, 'Log', {
      retention: configuration.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') })
    role.addToPolicy(
      new PolicyStatement({
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [this.logGroup.logGroupArn],
      }),
    )
    for (const statement of props.statements) role.addToPolicy(statement)
    if (network) role.addToPolicy(new PolicyStatement({ actions: NETWORK_INTERFACES, resources: ['*'] }))
    this.function = new LambdaFunction(this, 'Function', {
      code: bundle(props.entry),
      handler: 'index.handler',
      description: props.description,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: props.memoryMiB,
      timeout: Duration.seconds(props.timeoutSeconds),
      environment: { ...props.environment, NODE_OPTIONS: '--enable-source-maps' },
      role,
      logGroup: this.logGroup,
      tracing: Tracing.ACTIVE,
      ...(asynchronous
        ? {
            retryAttempts: asynchronous.retries,
            maxEventAge: Duration.seconds(asynchronous.ageSecondsMax),
            ...(asynchronous.deadLetters ? { deadLetterQueue: asynchronous.deadLetters } : {}),
          }
        : {}),
      ...(network
        ? { vpc: network.vpc, vpcSubnets: network.subnets, securityGroups: [network.securityGroup] }
        : {}),
    })
    if (network) denyToCode(this, role, NETWORK_INTERFACES)
    acknowledgeWildcards(role)
  }
}

function acknowledgeWildcards(role: Role): void {
  Validations.of(role).acknowledge({
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason:
      'X-Ray (PutTraceSegments, PutTelemetryRecords) and the network interfaces of the one function in the VPC: ' +
      'neither service has a narrower resource. test/lib/permissions.test.ts refuses any other wildcard.',
  })
}

/** Denies actions to the code of a function that Lambda itself needs with the same role. The policy is a
 *  separate one, because it names the function, and the function waits for the policy of its role. */
function denyToCode(lambda: Lambda, role: Role, actions: string[]): void {
  const statement = new PolicyStatement({
    effect: Effect.DENY,
    actions,
    resources: ['*'],
    conditions: { ArnEquals: { 'lambda:SourceFunctionArn': lambda.function.functionArn } },
  })
  new Policy(lambda, 'NotForCode', { statements: [statement], roles: [role] })
}
