/** The HTTP control, by which a test or a person steers the simulated WhatsApp: JSON in, JSON out. The
 *  simulator puts a guard before it, which asks for the token of this run. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { z } from 'zod'
import * as bodies from './control-bodies.ts'
import { SIMULATOR_ERROR_STATUS, SimulatorError } from './errors.ts'
import type { SimulatorMethods } from './methods.ts'

const BODY_BYTES_MAX = 65_536
const WITH_ID = ['accounts', 'groups', 'misdeeds']

interface Call {
  /** The value of `{id}` in the route. */
  readonly id: string
  readonly parameters: URLSearchParams
  body<T>(schema: z.ZodType<T>): Promise<T>
}

type Handler = (simulator: SimulatorMethods, call: Call) => unknown

const ROUTES: Record<string, Handler> = {
  'POST /phones/scan': async (simulator, { body }) => {
    const { qr, phoneNumber } = await body(bodies.scan)
    return simulator.scanQr(qr, phoneNumber)
  },
  'POST /phones/code': async (simulator, { body }) => {
    const { phoneNumber, code } = await body(bodies.code)
    return simulator.enterCode(phoneNumber, code)
  },
  'GET /accounts': (simulator) => ({ accounts: simulator.accounts() }),
  'GET /accounts/{id}/received': (simulator, { id }) => ({ texts: simulator.received(id) }),
  'POST /accounts/{id}/text': async (simulator, { id, body }) => {
    const { text, from } = await body(bodies.text)
    return simulator.text(id, text, from)
  },
  'POST /accounts/{id}/break': async (simulator, { id, body }) => {
    const { how } = await body(bodies.breakBody)
    simulator.breakConnection(id, how)
    return { account: id, how }
  },
  'POST /accounts/{id}/foreign-login': (simulator, { id }) => {
    simulator.foreignLogin(id)
    return { account: id, how: '440' }
  },
  'POST /accounts/{id}/texts': async (simulator, { id, body }) => {
    const { texts, ...options } = await body(bodies.texts)
    return simulator.texts(id, texts, options)
  },
  'GET /accounts/{id}/copies': (simulator, { id, parameters }) => ({
    copies: simulator.copies(id, parameters.get('message') ?? ''),
  }),
  'POST /accounts/{id}/ask-again': async (simulator, { id, body }) => {
    await simulator.askAgain(id, await body(bodies.askAgain))
    return { account: id }
  },
  'POST /accounts/{id}/damage': async (simulator, { id, body }) => {
    const { everyMs, probeMs, ...options } = await body(bodies.damage)
    return simulator.damage(id, options, { everyMs, probeMs })
  },
  'POST /accounts/{id}/stanza': async (simulator, { id, body }) => {
    const { stanza, end } = await body(bodies.rawStanza)
    simulator.sendStanza(id, stanza, end)
    return { account: id }
  },
  'POST /accounts/{id}/misdeeds': async (simulator, { id, body }) => {
    const { misdeed, ...until } = await body(bodies.misbehave)
    return simulator.misbehave(id, misdeed, until)
  },
  'GET /misdeeds': (simulator) => ({ misdeeds: simulator.misdeeds() }),
  'DELETE /misdeeds': (simulator) => {
    simulator.liftAll()
    return { misdeeds: [] }
  },
  'DELETE /misdeeds/{id}': (simulator, { id }) => {
    simulator.lift(Number(id))
    return { misdeeds: simulator.misdeeds() }
  },
  'GET /groups': (simulator) => ({ groups: simulator.groups() }),
  'POST /groups': async (simulator, { body }) => {
    const { subject, members, addressing } = await body(bodies.newGroup)
    return simulator.createGroup(subject, members, addressing)
  },
  'POST /groups/{id}/members': async (simulator, { id, body }) => {
    const { change, members, by } = await body(bodies.members)
    return simulator.changeGroup(id, change, members, by)
  },
  'POST /groups/{id}/text': async (simulator, { id, body }) => {
    const { text, from, ...options } = await body(bodies.groupText)
    return simulator.groupText(id, text, from, options)
  },
  'GET /report': (simulator) => simulator.report(),
  'DELETE /report': (simulator) => {
    simulator.resetReport()
    return simulator.report()
  },
  'GET /health': () => ({ status: 'ok' }),
}

export function makeControl(simulator: SimulatorMethods): Server {
  return createServer((request, response) => {
    answer(simulator, request)
      .then((body) => ({ status: 200, body }), refusalOf)
      .then(({ status, body }) => {
        const json = JSON.stringify(body)
        response.writeHead(status, { 'content-type': 'application/json' }).end(json)
      })
  })
}

async function answer(simulator: SimulatorMethods, request: IncomingMessage): Promise<unknown> {
  const { pathname: path, searchParams: parameters } = new URL(request.url ?? '/', 'http://local')
  const [, collection = '', id, ...rest] = path.split('/')
  const isOne = WITH_ID.includes(collection) && id !== undefined
  const route = isOne ? ['', collection, '{id}', ...rest].join('/') : path
  const handler = ROUTES[`${request.method} ${route}`]
  if (!handler) throw new SimulatorError('ROUTE_NOT_FOUND', `no ${request.method} ${path}`)
  return handler(simulator, {
    id: isOne ? decode(id) : '',
    parameters,
    body: async (schema) => validate(schema, await readJson(request)),
  })
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new SimulatorError('BAD_REQUEST', 'the path is not valid percent-encoding')
  }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX) throw new SimulatorError('BODY_TOO_LARGE', `at most ${BODY_BYTES_MAX} bytes`)
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString())
  } catch {
    throw new SimulatorError('MALFORMED_JSON', 'the body is not JSON')
  }
}

function validate<T>(schema: z.ZodType<T>, body: unknown): T {
  const checked = schema.safeParse(body)
  if (!checked.success) throw new SimulatorError('BAD_REQUEST', z.prettifyError(checked.error))
  return checked.data
}

function refusalOf(error: unknown) {
  const code = error instanceof SimulatorError ? error.code : 'INTERNAL'
  const message = error instanceof Error ? error.message : String(error)
  return { status: SIMULATOR_ERROR_STATUS[code], body: { code, message } }
}
