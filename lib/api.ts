/** The HTTP API in front of the `api` function: one route for everything, since the function has the table of routes. */
import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway'
import { HttpApi, HttpStage, LogGroupLogDestination } from 'aws-cdk-lib/aws-apigatewayv2'
import { HttpLambdaAuthorizer, HttpLambdaResponseType } from 'aws-cdk-lib/aws-apigatewayv2-authorizers'
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import type { Configuration } from './configuration.ts'
import type { Lambda } from './lambda.ts'

export interface ApiProps {
  readonly configuration: Configuration
  readonly api: Lambda
  readonly authorizer: Lambda
}

export class Api extends Construct {
  readonly httpApi: HttpApi
  readonly url: string
  readonly accessLog: LogGroup

  constructor(scope: Construct, id: string, { configuration, api, authorizer }: ApiProps) {
    super(scope, id)
    this.httpApi = new HttpApi(this, 'HttpApi', {
      apiName: configuration.stackName,
      description: 'Mooring: devices, servers, fleet. Described at /openapi.json',
      createDefaultStage: false,
      defaultIntegration: new HttpLambdaIntegration('Api', api.function),
      // Without an identity source it is asked on every request, also on those without a key: the function behind it
      // refuses, with our own codes. Answers are not kept, so that a key that was taken away ends soon.
      defaultAuthorizer: new HttpLambdaAuthorizer('Authorizer', authorizer.function, {
        responseTypes: [HttpLambdaResponseType.SIMPLE],
        identitySource: [],
        resultsCacheTtl: Duration.seconds(0),
      }),
    })
    this.accessLog = new LogGroup(this, 'AccessLog', {
      retention: configuration.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const stage = new HttpStage(this, 'Stage', {
      httpApi: this.httpApi,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit: configuration.apiRequestsPerSecond, burstLimit: configuration.apiBurst },
      accessLogSettings: {
        destination: new LogGroupLogDestination(this.accessLog),
        format: AccessLogFormat.custom(JSON.stringify(ACCESS_LOG)),
      },
    })
    this.url = stage.url.replace(/\/$/, '')
  }
}

/** Who asked for what, and how it went. Headers are not logged: the key is one. */
const ACCESS_LOG = {
  requestId: '$context.requestId',
  at: '$context.requestTime',
  ip: '$context.identity.sourceIp',
  method: '$context.httpMethod',
  path: '$context.path',
  status: '$context.status',
  keyId: '$context.authorizer.keyId',
  milliseconds: '$context.responseLatency',
  error: '$context.error.message',
}
