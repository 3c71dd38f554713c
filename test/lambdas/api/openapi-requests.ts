/** Requests for a fuzzer: some fit the OpenAPI document, the others are mistakes of people
 *  and attempts of attackers. */
import { request } from 'node:http'
import fc from 'fast-check'
import { anyCursor } from './cursor-requests.ts'
import type { HttpAnswer, JsonSchema, Operation, Parameter } from './openapi-judge.ts'

export interface FuzzRequest {
  readonly operation: Operation
  readonly target: string
  readonly headers: Record<string, string>
  readonly body?: string
}

export interface Known {
  /** Ids of devices and servers that may exist. */
  readonly ids: readonly string[]
  readonly apiKeys: readonly string[]
  /** Cursors as the API gave them. */
  readonly cursors: readonly string[]
}

/** Encoded already for a path or a query. None of them makes the path another route's. */
const HOSTILE_ENCODED = [
  '%00',
  '..',
  '.',
  '%2e%2e',
  'a%2Fb%2Fc%2Fd',
  '..%2F..%2F..%2Fetc%2Fpasswd',
  '%',
  '%zz',
  '%E0%80%80',
  '%F0%9F%94%94',
  'a%0d%0aX-Injected:%20yes',
  '__proto__',
  'constructor',
  '%7B%22$ne%22:1%7D',
  "a'%20OR%20'1'='1",
  '_fleet',
  'name%23web-1',
  'a'.repeat(65),
  'x'.repeat(5000),
]

const HOSTILE_TEXT = [
  '',
  '\u0000',
  '\ud800',
  '\u202e',
  '🛟'.repeat(64),
  'x'.repeat(10_000),
  '__proto__',
  '1e999',
  '-0',
  ' ',
]

export function anyRequest(operations: readonly Operation[], known: Known): fc.Arbitrary<FuzzRequest> {
  return fc.constantFrom(...operations).chain((operation) =>
    fc
      .record({
        path: pathOf(operation, known),
        query: queryOf(operation, known),
        key: headersOf(known),
        body: bodyOf(operation, known),
      })
      .map(({ path, query, key, body: { headers, ...body } }) => ({
        operation,
        target: query ? `${path}?${query}` : path,
        headers: { ...key, ...headers },
        ...body,
      })),
  )
}

function pathOf({ path, parameters }: Operation, known: Known): fc.Arbitrary<string> {
  const inPath = parameters.filter((parameter) => parameter.in === 'path')
  const values = fc.tuple(...inPath.map((parameter) => parameterOf(parameter, known)))
  return values.map((given) =>
    inPath.reduce((filled, { name }, at) => filled.replace(`{${name}}`, () => given[at] ?? ''), path),
  )
}

function queryOf({ parameters }: Operation, known: Known): fc.Arbitrary<string> {
  const pairs = parameters
    .filter((parameter) => parameter.in === 'query')
    .map((parameter) => parameterOf(parameter, known).map((value) => `${parameter.name}=${value}`))
  const stray = fc.oneof(
    { weight: 20, arbitrary: fc.constant('') },
    { weight: 1, arbitrary: fc.constantFrom('&', '=', 'colour=red', '__proto__=1', '%00=1') },
  )
  return (
    fc
      .tuple(
        fc.subarray(pairs).chain((chosen) => fc.tuple(...chosen)),
        fc.integer({ min: 0, max: 19 }),
        stray,
      )
      // Each parameter is given twice in a twentieth of the queries.
      .map(([chosen, twice, strayed]) =>
        [...chosen, ...(twice === 0 ? chosen : []), strayed].filter(Boolean).join('&'),
      )
  )
}

/** A value of a parameter, encoded. Most of them fit. */
function parameterOf({ name, schema }: Parameter, known: Known): fc.Arbitrary<string> {
  const anything = fc
    .string({ unit: 'binary', minLength: 1, maxLength: 80 })
    .map(encoded)
    // A slash or a question mark would make it another path; HOSTILE_ENCODED has some of those.
    .filter((text) => !/%2F|%3F/.test(text))
  const fits = name === 'cursor' ? anyCursor(known.cursors) : fitting(schema, known)
  return fc.oneof(
    { weight: 16, arbitrary: fits.map((value) => encoded(String(value))) },
    { weight: 2, arbitrary: fc.constantFrom(...HOSTILE_ENCODED) },
    { weight: 1, arbitrary: anything },
  )
}

function fitting(schema: JsonSchema, known: Known): fc.Arbitrary<string | number> {
  const { minimum = -10, maximum = 1000 } = schema
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if (schema.type === 'integer') return fc.integer({ min: minimum, max: maximum })
  if (schema.format === 'date-time')
    return fc.date({ noInvalidDate: true, min: new Date(0) }).map((at) => at.toISOString())
  if (schema.pattern?.includes('\\d')) return fc.constantFrom('15550100123', '+15550100123')
  if (schema.pattern?.includes('A-Za-z0-9')) return fc.constantFrom(...known.ids)
  return fc.string({ minLength: 1, maxLength: 30 })
}

function headersOf({ apiKeys }: Known): fc.Arbitrary<Record<string, string>> {
  const known = fc.constantFrom(...apiKeys)
  const unknown = fc.string({
    minLength: 1,
    maxLength: 40,
    unit: fc.constantFrom('a', 'Z', '0', '-', '_', '.', '/'),
  })
  return fc.oneof(
    { weight: 12, arbitrary: known.map((key) => ({ 'x-api-key': key })) },
    { weight: 1, arbitrary: unknown.map((key) => ({ 'x-api-key': key })) },
    { weight: 1, arbitrary: fc.constant({}) },
  )
}

interface FuzzBody {
  readonly headers: Record<string, string>
  readonly body?: string
}

function bodyOf({ requestBody }: Operation, known: Known): fc.Arbitrary<FuzzBody> {
  const none = fc.constant<FuzzBody>({ headers: {} })
  const schema = requestBody?.content['application/json']?.schema
  if (!schema) return none
  const asJson = (arbitrary: fc.Arbitrary<unknown>) =>
    arbitrary.map((value) => jsonBody(JSON.stringify(value)))
  const otherType = fc.constantFrom(
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/json+',
    '',
  )
  return fc.oneof(
    { weight: 14, arbitrary: asJson(objectOf(schema, known)) },
    { weight: 2, arbitrary: asJson(fc.jsonValue()) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary' }).map(jsonBody) },
    {
      weight: 1,
      arbitrary: otherType.map((type) => ({ headers: type ? { 'content-type': type } : {}, body: '{}' })),
    },
    { weight: 1, arbitrary: fc.constant(jsonBody(`"${'x'.repeat(70_000)}"`)) },
    { weight: 1, arbitrary: none },
  )
}

/** An object with some of the fields, some of them wrong, and sometimes with an unknown field. */
function objectOf({ properties = {} }: JsonSchema, known: Known): fc.Arbitrary<Record<string, unknown>> {
  const fields = Object.entries(properties).map(([name, schema]) =>
    fc
      .oneof(
        { weight: 16, arbitrary: fitting(schema, known) as fc.Arbitrary<unknown> },
        { weight: 1, arbitrary: fc.constantFrom<unknown>(...HOSTILE_TEXT) },
        { weight: 1, arbitrary: fc.jsonValue() },
      )
      .map((value) => [name, value] as const),
  )
  const stray = fc.oneof(
    { weight: 12, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.constant([['colour', 'red'] as const]) },
  )
  return fc
    .tuple(
      fc.subarray(fields).chain((chosen) => fc.tuple(...chosen)),
      stray,
    )
    .map(([chosen, strayed]) => Object.fromEntries([...chosen, ...strayed]))
}

function jsonBody(body: string): FuzzBody {
  return { headers: { 'content-type': 'application/json' }, body }
}

/** Like `encodeURIComponent`, but for any text. */
function encoded(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => (isPlain(byte) ? String.fromCharCode(byte) : hex(byte)))
    .join('')
}

function isPlain(byte: number): boolean {
  return /[A-Za-z0-9_.~-]/.test(String.fromCharCode(byte))
}

function hex(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
}

/** Sends the target unchanged: `fetch` would normalise it. */
export function send(port: number, { operation, target, headers, body }: FuzzRequest): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const length = { 'content-length': String(Buffer.byteLength(body ?? '')) }
    const asked = request(
      {
        host: '127.0.0.1',
        port,
        method: operation.method.toUpperCase(),
        path: target,
        headers: { ...headers, ...length },
        timeout: 10_000,
      },
      (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            contentType: String(answer.headers['content-type'] ?? ''),
            body: Buffer.concat(chunks),
          }),
        )
      },
    )
    asked.on('timeout', () => asked.destroy(new Error('no answer within 10 s')))
    asked.on('error', reject)
    asked.end(body)
  })
}
