import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Match } from 'aws-cdk-lib/assertions'
import { METRICS } from '../../core/catalogue.ts'
import { TABLE_NAMES, TABLES, type TableDefinition } from '../../core/store/tables.ts'
import { SWEEP_LOOKS_FOR_MS } from '../../core/sweep/sweep.ts'
import { FUNCTIONS } from '../../lambdas/functions.ts'
import { find, functionId, one, type Resource, synthesise } from './synthesised.ts'

const template = synthesise({ alarmEmail: 'on@call.example' })
const lambda = (name: string) => one(template, 'AWS::Lambda::Function', functionId(name)).Properties
const asyncOf = (name: string) => one(template, 'AWS::Lambda::EventInvokeConfig', functionId(name)).Properties

describe('tables', () => {
  for (const name of TABLE_NAMES) {
    test(`${name} is the one of core/store/tables.ts: on demand, recoverable, encrypted, protected`, () => {
      const definition: TableDefinition = TABLES[name]
      const table = one(template, 'AWS::DynamoDB::Table', `Tables${name}`)
      const { Properties } = table
      assert.equal(Properties.TableName, `Mooring-${name}`)
      assert.equal(Properties.BillingMode, 'PAY_PER_REQUEST')
      assert.equal(Properties.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled, true)
      assert.equal(Properties.SSESpecification.SSEType, 'KMS')
      assert.equal(Properties.DeletionProtectionEnabled, true)
      assert.equal(table.DeletionPolicy, 'Retain')
      assert.equal(Properties.TimeToLiveSpecification?.AttributeName, definition.expiresAttribute)
      assert.deepEqual(keyNames(Properties.KeySchema), namesOf(definition))
      const indexes = (Properties.GlobalSecondaryIndexes ?? []) as Resource['Properties'][]
      assert.deepEqual(
        indexes.map((index) => [index.IndexName, keyNames(index.KeySchema)]),
        Object.entries(definition.indexes).map(([index, keys]) => [index, namesOf(keys)]),
      )
    })
  }

  test('are deleted with the stack only when the options say so', () => {
    const unprotected = synthesise({ removalPolicy: 'destroy', deletionProtection: false })
    for (const [, table] of find(unprotected, 'AWS::DynamoDB::Table')) {
      assert.equal(table.DeletionPolicy, 'Delete')
      assert.equal(table.Properties.DeletionProtectionEnabled, false)
    }
  })
})

function keyNames(schema: { AttributeName: string }[]): string[] {
  return schema.map(({ AttributeName }) => AttributeName)
}

function namesOf({ partitionKey, sortKey }: Pick<TableDefinition, 'partitionKey' | 'sortKey'>): string[] {
  return [partitionKey.name, ...(sortKey ? [sortKey.name] : [])]
}

describe('functions', () => {
  test('run on Node 24 and ARM64, with source maps, X-Ray and logs of their own that expire', () => {
    const functions = find(template, 'AWS::Lambda::Function')
    assert.equal(functions.length, Object.keys(FUNCTIONS).length + 1)
    for (const [id, { Properties }] of functions) {
      assert.equal(Properties.Runtime, 'nodejs24.x', id)
      assert.deepEqual(Properties.Architectures, ['arm64'], id)
      assert.equal(Properties.Environment.Variables.NODE_OPTIONS, '--enable-source-maps', id)
      assert.equal(Properties.TracingConfig.Mode, 'Active', id)
      const log = template.findResources('AWS::Logs::LogGroup')[Properties.LoggingConfig.LogGroup.Ref]
      assert.equal(log?.Properties.RetentionInDays, 30, id)
    }
  })

  test('may run as long as lambdas/functions.ts says, and the sweep longer than it looks', () => {
    for (const [name, { timeoutSeconds }] of Object.entries(FUNCTIONS)) {
      assert.equal(lambda(name).Timeout, timeoutSeconds)
    }
    assert.ok(lambda('sweep').Timeout * 1000 >= SWEEP_LOOKS_FOR_MS + 10_000)
  })

  test('that are invoked asynchronously give up after a while, and leave the event in the dead letters', () => {
    assert.equal(asyncOf('sweep').MaximumRetryAttempts, 0)
    assert.equal(asyncOf('task-stopped').MaximumRetryAttempts, 2)
    assert.equal(asyncOf('assign').MaximumEventAgeInSeconds, 300)
    for (const name of ['sweep', 'task-stopped', 'assign']) {
      assert.match(JSON.stringify(lambda(name).DeadLetterConfig), /DeadLetters/)
    }
    assert.equal(asyncOf('doorbell').MaximumRetryAttempts, 0)
    assert.equal(lambda('doorbell').DeadLetterConfig, undefined)
  })

  test('are outside the VPC, but for the doorbell', () => {
    const inside = find(template, 'AWS::Lambda::Function').filter(
      ([, { Properties }]) => Properties.VpcConfig,
    )
    assert.deepEqual(
      inside.map(([id]) => id.startsWith(functionId('doorbell'))),
      [true],
    )
  })
})

describe('network', () => {
  test('has no NAT by default, and one for each zone by choice', () => {
    template.resourceCountIs('AWS::EC2::NatGateway', 0)
    const isPrivate = synthesise({ network: 'private' })
    isPrivate.resourceCountIs('AWS::EC2::NatGateway', 2)
    isPrivate.hasResourceProperties('AWS::ECS::Service', {
      NetworkConfiguration: { AwsvpcConfiguration: { AssignPublicIp: 'DISABLED' } },
    })
  })

  test('lets nobody but the doorbell reach the servers, and only their port', () => {
    const ingress = one(template, 'AWS::EC2::SecurityGroupIngress').Properties
    assert.match(JSON.stringify(ingress.SourceSecurityGroupId), /DoorbellGroup/)
    assert.match(JSON.stringify(ingress.GroupId), /ServerGroup/)
    assert.equal(ingress.FromPort, 8080)
    assert.equal(ingress.ToPort, 8080)
    assert.equal(ingress.IpProtocol, 'tcp')
    for (const [, { Properties }] of find(template, 'AWS::EC2::SecurityGroup')) {
      assert.equal(Properties.SecurityGroupIngress, undefined)
    }
  })

  test('lets the doorbell call servers and nothing else', () => {
    const egress = one(template, 'AWS::EC2::SecurityGroupEgress').Properties
    assert.match(JSON.stringify(egress.DestinationSecurityGroupId), /ServerGroup/)
    assert.equal(egress.ToPort, 8080)
  })
})

describe('hosts', () => {
  const service = one(template, 'AWS::ECS::Service').Properties
  const task = one(template, 'AWS::ECS::TaskDefinition').Properties
  const [container] = task.ContainerDefinitions

  test('are replaced without a gap, and only when the new ones start', () => {
    const { MinimumHealthyPercent, MaximumPercent, DeploymentCircuitBreaker } =
      service.DeploymentConfiguration
    assert.equal(MinimumHealthyPercent, 100)
    assert.equal(MaximumPercent, 200)
    assert.deepEqual(DeploymentCircuitBreaker, { Enable: true, Rollback: true })
    assert.equal(service.AvailabilityZoneRebalancing, 'DISABLED')
  })

  test('keep their number over a deployment: the template does not set it', () => {
    assert.equal(service.DesiredCount, undefined)
  })

  test('run on ARM64, as a user without rights, on a read-only disk', () => {
    assert.equal(task.RuntimePlatform.CpuArchitecture, 'ARM64')
    assert.equal(container.User, 'node')
    assert.equal(container.ReadonlyRootFilesystem, true)
  })

  test('have 120 s to release their devices', () => {
    assert.equal(container.StopTimeout, 120)
  })

  test('check their health without curl, and an outage of five minutes ends none', () => {
    const { Command, Interval, Retries } = container.HealthCheck
    assert.deepEqual(Command.slice(0, 3), ['CMD', 'node', '-e'])
    assert.match(Command[3], /127\.0\.0\.1:8080\/health/)
    assert.ok(Interval * Retries >= 300)
  })

  test('get their secret through ECS', () => {
    assert.deepEqual(
      container.Secrets.map(({ Name }: { Name: string }) => Name),
      ['DOORBELL_SECRET'],
    )
  })

  // The kernel drops a signal to PID 1 that has no handler. Without an init process that would be the
  // SIGTERM of the first moment, and the SIGABRT by which the watchdog ends a stuck process.
  test('are not PID 1, so that a signal without a handler ends them', () => {
    assert.equal(container.LinuxParameters.InitProcessEnabled, true)
  })

  test('do not wait for their log', () => {
    assert.equal(container.LogConfiguration.Options.mode, 'non-blocking')
  })
})

describe('scaling', () => {
  test('follows the utilisation upwards only: the sweep drains before it scales in', () => {
    template.hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', {
      MinCapacity: 2,
      MaxCapacity: 10,
    })
    const { TargetTrackingScalingPolicyConfiguration: tracking } = one(
      template,
      'AWS::ApplicationAutoScaling::ScalingPolicy',
    ).Properties
    assert.equal(tracking.TargetValue, 70)
    assert.equal(tracking.DisableScaleIn, true)
    assert.equal(tracking.CustomizedMetricSpecification.MetricName, 'Utilisation')
    assert.ok(METRICS.Utilisation)
  })
})

describe('API', () => {
  test('sends everything to one function', () => {
    assert.equal(one(template, 'AWS::ApiGatewayV2::Route').Properties.RouteKey, '$default')
  })

  test('asks the authorizer on every request, also without a key, and caches no answer', () => {
    const authorizer = one(template, 'AWS::ApiGatewayV2::Authorizer').Properties
    assert.equal(authorizer.AuthorizerPayloadFormatVersion, '2.0')
    assert.equal(authorizer.EnableSimpleResponses, true)
    assert.deepEqual(authorizer.IdentitySource, [])
    assert.equal(authorizer.AuthorizerResultTtlInSeconds, 0)
    assert.equal(one(template, 'AWS::ApiGatewayV2::Route').Properties.AuthorizationType, 'CUSTOM')
  })

  test('is throttled, and its access log does not hold the key', () => {
    const stage = one(template, 'AWS::ApiGatewayV2::Stage').Properties
    assert.equal(stage.DefaultRouteSettings.ThrottlingRateLimit, 50)
    assert.equal(stage.DefaultRouteSettings.ThrottlingBurstLimit, 100)
    const { Format } = stage.AccessLogSettings
    assert.match(Format, /\$context\.status/)
    assert.doesNotMatch(Format, /header/i)
  })

  test('allows no web page of another site', () => {
    assert.equal(one(template, 'AWS::ApiGatewayV2::Api').Properties.CorsConfiguration, undefined)
  })
})

describe('events', () => {
  test('start a sweep every minute', () => {
    const rule = one(template, 'AWS::Events::Rule', 'EventsEveryMinute').Properties
    assert.equal(rule.ScheduleExpression, 'rate(1 minute)')
    assert.match(JSON.stringify(rule.Targets), /Functionssweep/)
  })

  test('report stopped tasks of this cluster only', () => {
    const rule = one(template, 'AWS::Events::Rule', 'EventsTaskStopped').Properties
    assert.deepEqual(rule.EventPattern['detail-type'], ['ECS Task State Change'])
    assert.deepEqual(rule.EventPattern.detail.lastStatus, ['STOPPED'])
    assert.match(JSON.stringify(rule.EventPattern.detail.clusterArn), /HostsCluster/)
    assert.match(JSON.stringify(rule.Targets), /Functionstaskstopped.*DeadLetters/)
  })
})

describe('outputs', () => {
  test('are the API, the key and the dashboard', () => {
    const outputs = Object.keys(template.findOutputs('*'))
    assert.deepEqual(outputs.sort(), ['ApiKeyCommand', 'ApiUrl', 'AuthKeyArn', 'DashboardUrl'])
    template.hasOutput('ApiKeyCommand', { Value: Match.anyValue() })
  })

  test('hold no secret', () => {
    assert.doesNotMatch(JSON.stringify(template.findOutputs('*')), /resolve:secretsmanager/)
  })
})
