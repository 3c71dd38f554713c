/** One route: what it takes, what it answers, and who may call it. The router serves it and the OpenAPI document
 *  describes it from the same definition, so that the two cannot disagree. */
import * as z from 'zod'
import type { ErrorCode } from '../../core/errors.ts'
import { MooringError } from '../../core/errors.ts'
import type { Scope } from '../../core/store/api-key-row.ts'
import type { CallerContext } from '../authorizer.ts'
import type { Answer } from './answer.ts'
import type { ApiWorld } from './world.ts'

const NOTHING = z.strictObject({})
type Nothing = typeof NOTHING

export interface Asked<Params, Query, Body> {
  readonly params: Params
  readonly query: Query
  readonly body: Body
  readonly caller: CallerContext
}

export interface AnswerDescription {
  readonly says: string
  /** By media type; `application/json` for everything but pictures. */
  readonly content: Readonly<Record<string, z.ZodType>>
}

interface RouteDefinition<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** With its parameters in braces, as OpenAPI and the router write them. */
  readonly path: string
  /** The least scope that may call it; `public` needs no key. */
  readonly scope: Scope | 'public'
  readonly summary: string
  readonly description?: string
  readonly params?: P
  readonly query?: Q
  /** Absent when the route takes no body; a body that is sent all the same is not read. */
  readonly body?: B
  readonly answers: Readonly<Record<number, AnswerDescription>>
  /** Codes beyond those that every route can give: see refusals.ts. */
  readonly refusals?: readonly ErrorCode[]
  handle(world: ApiWorld, asked: Asked<z.output<P>, z.output<Q>, z.output<B>>): Promise<Answer>
}

/** Whatever came with the request, unread. */
export interface RawRequest {
  readonly params: unknown
  readonly query: unknown
  readonly body: unknown
  readonly caller: CallerContext
}

export type Route = Omit<RouteDefinition<z.ZodType, z.ZodType, z.ZodType>, 'handle'> & {
  /** @throws MooringError BAD_REQUEST when the request does not fit the schemas */
  serve(world: ApiWorld, request: RawRequest): Promise<Answer>
}

export function defineRoute<
  P extends z.ZodType = Nothing,
  Q extends z.ZodType = Nothing,
  B extends z.ZodType = Nothing,
>(definition: RouteDefinition<P, Q, B>): Route {
  const { handle, ...route } = definition
  // A route without a schema takes nothing, which is what NOTHING lets through.
  const params = definition.params ?? (NOTHING as z.ZodType as P)
  const query = definition.query ?? (NOTHING as z.ZodType as Q)
  const body = definition.body ?? (NOTHING as z.ZodType as B)
  return {
    ...route,
    serve: (world, request) =>
      handle(world, {
        params: fit(params, request.params, 'path'),
        query: fit(query, request.query, 'query'),
        body: fit(body, definition.body ? request.body : {}, 'body'),
        caller: request.caller,
      }),
  }
}

const FAULTS_TOLD_MAX = 5
const MESSAGE_CHARACTERS_MAX = 600

function fit<S extends z.ZodType>(schema: S, given: unknown, where: string): z.output<S> {
  const read = schema.safeParse(given)
  if (read.success) return read.data
  const faults = read.error.issues
    .slice(0, FAULTS_TOLD_MAX)
    .map(({ path, message }) => `${[where, ...path].join('.')}: ${message}`)
  throw new MooringError('BAD_REQUEST', faults.join('; ').slice(0, MESSAGE_CHARACTERS_MAX))
}

/** Schemas under a name: the OpenAPI document lists each once and refers to it. */
export const NAMED = z.registry<{ id: string }>()

export function named<S extends z.ZodType>(id: string, schema: S): S {
  NAMED.add(schema, { id })
  return schema
}

export function answers(says: string, schema: z.ZodType): AnswerDescription {
  return { says, content: { 'application/json': schema } }
}
