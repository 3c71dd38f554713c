/** The events that the HTTP API sends: payload format 2.0, with what the authorizer found. */
import type { APIGatewayProxyEventV2WithLambdaAuthorizer } from 'aws-lambda'
import type { CallerContext } from '../authorizer.ts'

export type ApiEvent = APIGatewayProxyEventV2WithLambdaAuthorizer<CallerContext>
