/** The event that API Gateway sends: payload format 2.0, with the caller that the authorizer found. */
import type { APIGatewayProxyEventV2WithLambdaAuthorizer } from 'aws-lambda'
import type { CallerContext } from '../authorizer.ts'

export type ApiEvent = APIGatewayProxyEventV2WithLambdaAuthorizer<CallerContext>
