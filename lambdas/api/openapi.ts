/** The OpenAPI 3.1 document, made from the routes themselves: their Zod schemas, their scopes, and every code
 *  that they can answer with. */
import * as z from 'zod'
import { refusalsOf } from './refusals.ts'
import { type AnswerDescription, NAMED, type Route } from './route.ts'
import { API_STATUS, type ApiCode } from './statuses.ts'

const DESCRIPTION = [
  'Every refusal has the body `{code, message}` with a stable code; docs/errors.md explains each code. API Gateway',
  'itself refuses a request that does not reach the functions, with a `message` alone: 413 for a body over 10 MB,',
  '431 for headers over 10 KB, 500 and 503 when a function could not be run. A known path with another method is',
  'ROUTE_NOT_FOUND.',
].join(' ')

type JsonSchema = Record<string, unknown>

export function openApiDocument(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Mooring',
      version: '1',
      summary: 'Keeps every WhatsApp device moored to exactly one server',
      description: DESCRIPTION,
    },
    paths,
    components: {
      schemas: namedSchemas(),
      securitySchemes: { apiKey: { type: 'apiKey', in: 'header', name: 'X-Api-Key' } },
    },
  }
}

function operation(route: Route): object {
  const { scope, summary, description, params, query, body } = route
  return {
    summary,
    ...(description ? { description } : {}),
    security: scope === 'public' ? [] : [{ apiKey: [] }],
    'x-scope': scope,
    parameters: [...parameters('path', params), ...parameters('query', query)],
    ...(body ? { requestBody: requestBody(body) } : {}),
    responses: { ...successes(route), ...refusals(route) },
  }
}

function parameters(where: 'path' | 'query', schema: z.ZodType | undefined): object[] {
  if (!schema) return []
  const { properties = {}, required = [] } = inputSchema(schema) as {
    properties?: Record<string, JsonSchema>
    required?: string[]
  }
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    required: required.includes(name),
    ...(property.description ? { description: property.description } : {}),
    schema: property,
  }))
}

function requestBody(schema: z.ZodType): object {
  const input = inputSchema(schema) as { required?: string[] }
  return { required: Boolean(input.required?.length), content: { 'application/json': { schema: input } } }
}

function successes({ answers }: Route): Record<string, object> {
  return Object.fromEntries(
    Object.entries(answers).map(([status, { says, content }]) => [
      status,
      { description: says, content: contentOf(content) },
    ]),
  )
}

function contentOf(content: AnswerDescription['content']): object {
  return Object.fromEntries(
    Object.entries(content).map(([mediaType, schema]) => [mediaType, { schema: reference(schema) }]),
  )
}

function reference(schema: z.ZodType): JsonSchema {
  const id = NAMED.get(schema)?.id
  return id ? { $ref: `#/components/schemas/${id}` } : outputSchema(schema)
}

/** The response for each status. Its body lists every code that the route can give with that status. */
function refusals(route: Route): Record<string, object> {
  const byStatus = Map.groupBy(new Set(refusalsOf(route)), (code) => API_STATUS[code])
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      String(status),
      {
        description: codes.join(', '),
        ...(status === 503
          ? { headers: { 'Retry-After': { description: 'seconds', schema: { type: 'integer' } } } }
          : {}),
        content: { 'application/json': { schema: refusalSchema(codes) } },
      },
    ]),
  )
}

function refusalSchema(codes: readonly ApiCode[]): JsonSchema {
  return {
    type: 'object',
    properties: { code: { type: 'string', enum: codes }, message: { type: 'string' } },
    required: ['code', 'message'],
    additionalProperties: false,
  }
}

function namedSchemas(): Record<string, JsonSchema> {
  const { schemas } = z.toJSONSchema(NAMED, { io: 'output', uri: (id) => `#/components/schemas/${id}` })
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, bare(schema)]))
}

function inputSchema(schema: z.ZodType): JsonSchema {
  return bare(z.toJSONSchema(schema, { io: 'input' }))
}

function outputSchema(schema: z.ZodType): JsonSchema {
  return bare(z.toJSONSchema(schema, { io: 'output' }))
}

/** A schema inside an OpenAPI document states neither its dialect nor its address. */
function bare(schema: JsonSchema): JsonSchema {
  const { $schema: _dialect, $id: _address, ...rest } = schema
  return rest
}
