/** Judges whether the OpenAPI document promises an answer. */
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'

export interface Operation {
  readonly path: string
  readonly method: string
  readonly parameters: readonly Parameter[]
  readonly requestBody?: { readonly content: Record<string, { readonly schema: JsonSchema }> }
  readonly responses: Record<string, { readonly content: Record<string, unknown> }>
}

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query'
  readonly required: boolean
  readonly schema: JsonSchema
}

export interface JsonSchema {
  readonly type?: string
  readonly enum?: readonly string[]
  readonly pattern?: string
  readonly format?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly properties?: Record<string, JsonSchema>
  readonly required?: readonly string[]
}

export interface OpenApiDocument {
  readonly paths: Record<string, Record<string, Omit<Operation, 'path' | 'method'>>>
}

export interface HttpAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: Buffer
}

export function operationsOf(document: OpenApiDocument): Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })),
  )
}

/** @returns the fault of the answer; undefined when the document promises it */
export type Judge = (operation: Operation, answer: HttpAnswer) => string | undefined

export function createJudge(document: OpenApiDocument): Judge {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  formats.default(ajv)
  ajv.addSchema(document, 'mooring')

  return ({ path, method, responses }, answer) => {
    const { status, contentType, body } = answer
    if (status >= 500) return `${status}: ${body}`
    const response = responses[String(status)]
    if (!response) return `status ${status} is not documented: ${body}`
    if (!(contentType in response.content)) return `a body of type "${contentType}" is not documented`
    if (contentType !== 'application/json') return body.length > 0 ? undefined : 'the body is empty'
    const place = ['paths', path, method, 'responses', String(status), 'content', contentType, 'schema']
    const fits = ajv.getSchema(`mooring#/${place.map(escaped).join('/')}`)
    if (!fits) return `there is no schema for ${place.join(' ')}`
    return fits(JSON.parse(body.toString())) ? undefined : `${ajv.errorsText(fits.errors)}: ${body}`
  }
}

/** A step of a JSON pointer in a URI fragment. */
function escaped(step: string): string {
  return encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'))
}
