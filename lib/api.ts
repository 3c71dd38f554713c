/** The HTTP API before the `api` function. It has one route for everything, because the
 *  function has the table of routes. */
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
      // Without an identity source the authorizer is asked on every request, also
      // on requests without a key. The `api` function then refuses with our own
      // codes. No answer is cached, so that a deleted key soon stops working.
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

/** A line for each request: the caller, the route, the status. Headers are not logged,
 *  because one of them is the key. */
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
