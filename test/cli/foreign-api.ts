/** An API that answers every route in its form, and in which every string is hostile: it moves the cursor,
 *  turns lines around, hides, and is long. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as z from 'zod'
import { ROUTES } from '../../lambdas/api/routes.ts'

/** A character of each kind that a terminal must not get. */
export const HOSTILE =
  '\u001b[2J\u001b]0;title\u0007\u009b31m\r\n\t\u2028\u202e\u2066\u200b\u200d\u2060\ufeff\u00ad\u3164' +
  '\u{e0041}\ud800!'
const LONG = 300_000

export type Manner =
  /** Ids can be asked for, and states are real, so that every command goes on to its end. */
  | 'words'
  /** Nothing but numbers has its form. */
  | 'everything'
  /** Every request is refused, in hostile words. */
  | 'refusals'

interface Schema {
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, Schema>>
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly additionalProperties?: Schema | boolean
}

export async function startForeignApi(): Promise<{
  urlOf(manner: Manner): string
  close(): Promise<void>
}> {
  const server = createServer((request, response) => {
    const [, manner, ...path] = (request.url ?? '').replace(/\?.*/, '').split('/')
    const refused = { code: `CODE${HOSTILE}`, message: HOSTILE + 'x'.repeat(LONG) }
    const isDry = request.url?.endsWith('dryRun=true') === true
    const isRefused = manner === 'refusals' || path.at(-1) === 'messages'
    const answer = isRefused
      ? refused
      : answerTo(request.method ?? '', `/${path.join('/')}`, isDry, manner as Manner)
    response.writeHead(isRefused ? 400 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(answer))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    urlOf: (manner) => `${url}/${manner}`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

function answerTo(method: string, path: string, isDry: boolean, manner: Manner): unknown {
  const route = ROUTES.find((one) => one.method === method && formOf(one.path).test(path))
  const schema = Object.values(route?.answers ?? {}).at(isDry ? 0 : -1)?.content['application/json']
  if (!schema) return {}
  const json = z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' }) as Schema
  return sample(json, json.$defs ?? {}, manner, '')
}

function formOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`)
}

function sample(
  schema: Schema,
  defs: Readonly<Record<string, Schema>>,
  manner: Manner,
  name: string,
): unknown {
  const go = (part: Schema, of = name) => sample(part, defs, manner, of)
  const { $ref, properties, items, additionalProperties: more } = schema
  const [first] = schema.anyOf ?? schema.oneOf ?? []
  if ($ref) return go(defs[$ref.replace(/.*\//, '')] ?? {})
  if (first) return go(first)
  if (schema.type === 'object') {
    const known = Object.entries(properties ?? {}).map(([key, part]) => [key, go(part, key)])
    const others = typeof more === 'object' ? [[HOSTILE, go(more)]] : []
    return Object.fromEntries([...known, ...others])
  }
  if (schema.type === 'array') return items ? [go(items), go(items)] : []
  if (schema.type === 'integer' || schema.type === 'number') return 3
  if (schema.type === 'boolean') return true
  return textOf(schema, manner, name)
}

function textOf({ enum: choices, const: only }: Schema, manner: Manner, name: string): unknown {
  if (manner === 'words' && name === 'serverId') return 's-1'
  // Nothing listens there.
  if (manner === 'words' && name === 'url') return 'http://127.0.0.1:9'
  // A listing of several pages would go on for ever.
  if (name === 'next') return undefined
  if (manner === 'words' && (choices || only !== undefined)) return choices?.at(-1) ?? only
  return `${name}${HOSTILE}${'y'.repeat(name === 'why' ? LONG : 0)}`
}
