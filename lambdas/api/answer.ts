/** The answer of a route, in the shape that API Gateway renders. */
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda'

export type Answer = APIGatewayProxyStructuredResultV2

/** Every answer describes the present moment, and a QR code must not be kept in a cache. */
const UNCACHED = { 'cache-control': 'no-store' }

export function json(statusCode: number, body: object): Answer {
  return {
    statusCode,
    headers: { 'content-type': 'application/json', ...UNCACHED },
    body: JSON.stringify(body),
  }
}

export function image(mediaType: 'image/png' | 'image/svg+xml', picture: Buffer | string): Answer {
  const isText = typeof picture === 'string'
  return {
    statusCode: 200,
    headers: { 'content-type': mediaType, ...UNCACHED },
    body: isText ? picture : picture.toString('base64'),
    isBase64Encoded: !isText,
  }
}
