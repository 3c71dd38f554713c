/** A route of the API: its input, its answers, and the scope that it needs. The router and the OpenAPI
 *  document use the same definition, so the two cannot disagree. */
import * as z from 'zod'
import { MooringError } from '../../core/errors.ts'
import type { Scope } from '../../core/store/api-key-row.ts'
import type { CallerContext } from '../authorizer.ts'
import type { Answer } from './answer.ts'
import type { ApiCode } from './statuses.ts'
import type { ApiWorld } from './world.ts'

const NOTHING = z.strictObject({})
type Nothing = typeof NOTHING

export interface RouteRequest<Params, Query, Body> {
  readonly params: Params
  readonly query: Query
  readonly body: Body
  readonly caller: CallerContext
}

export interface AnswerDescription {
  readonly says: string
  /** By media type: `application/json` for everything but pictures. */
  readonly content: Readonly<Record<string, z.ZodType>>
}

interface RouteDefinition<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Its parameters are in braces, as OpenAPI and the router write them. */
  readonly path: string
  /** The lowest scope that may call the route; `public` needs no key. */
  readonly scope: Scope | 'public'
  readonly summary: string
  readonly description?: string
  readonly params?: P
  readonly query?: Q
  /** Absent when the route takes no body. A body that is sent anyway is not read. */
  readonly body?: B
  readonly answers: Readonly<Record<number, AnswerDescription>>
  /** The route's own codes, besides the general ones of refusals.ts. */
  readonly refusals?: readonly ApiCode[]
  handle(world: ApiWorld, request: RouteRequest<z.output<P>, z.output<Q>, z.output<B>>): Promise<Answer>
}

/** The request before any schema has checked it. */
export interface RawRequest {
  readonly params: unknown
  readonly query: unknown
  readonly body: unknown
  readonly caller: CallerContext
}

export type Route = Omit<RouteDefinition<z.ZodType, z.ZodType, z.ZodType>, 'handle'> & {
  /** @throws MooringError BAD_REQUEST when the request does not match the schemas */
  serve(world: ApiWorld, request: RawRequest): Promise<Answer>
}

export function defineRoute<
  P extends z.ZodType = Nothing,
  Q extends z.ZodType = Nothing,
  B extends z.ZodType = Nothing,
>(definition: RouteDefinition<P, Q, B>): Route {
  const { handle, ...route } = definition
  // A route without a schema takes nothing, so NOTHING is its schema.
  const params = definition.params ?? (NOTHING as z.ZodType as P)
  const query = definition.query ?? (NOTHING as z.ZodType as Q)
  const body = definition.body ?? (NOTHING as z.ZodType as B)
  return {
    ...route,
    serve: (world, request) =>
      handle(world, {
        params: parse(params, request.params, 'path'),
        query: parse(query, request.query, 'query'),
        body: parse(body, definition.body ? request.body : {}, 'body'),
        caller: request.caller,
      }),
  }
}

const FAULTS_TOLD_MAX = 5
const MESSAGE_CHARACTERS_MAX = 600

function parse<S extends z.ZodType>(schema: S, given: unknown, where: string): z.output<S> {
  const read = schema.safeParse(given)
  if (read.success) return read.data
  const faults = read.error.issues
    .slice(0, FAULTS_TOLD_MAX)
    .map(({ path, message }) => `${[where, ...path].join('.')}: ${message}`)
  throw new MooringError('BAD_REQUEST', faults.join('; ').slice(0, MESSAGE_CHARACTERS_MAX))
}

/** Schemas with a name: the OpenAPI document lists each of them once and refers to it. */
export const NAMED = z.registry<{ id: string }>()

export function named<S extends z.ZodType>(id: string, schema: S): S {
  NAMED.add(schema, { id })
  return schema
}

export function answers(says: string, schema: z.ZodType): AnswerDescription {
  return { says, content: { 'application/json': schema } }
}
