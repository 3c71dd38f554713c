/** The HTTP control: what a test or a person does to WhatsApp from outside. JSON in, JSON out; simulator.ts puts a guard
 *  before it that asks for the token of this run. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { z } from 'zod'
import { BREAKS } from './breaks.ts'
import { SIMULATOR_ERROR_STATUS, SimulatorError } from './errors.ts'
import type { SimulatorMethods } from './methods.ts'

const BODY_BYTES_MAX = 65_536

/** What the API answers about a QR can be handed over as it is. */
const scanBody = z.object({ qr: z.string().min(1), phoneNumber: z.string().optional() })
const codeBody = z.strictObject({ phoneNumber: z.string().min(1), code: z.string().min(1) })
const textBody = z.strictObject({ from: z.string().optional(), text: z.string().min(1) })
const breakBody = z.strictObject({ how: z.preprocess(String, z.enum(BREAKS)) })

interface Call {
  /** What stands for `{id}` in the route. */
  readonly id: string
  body<T>(schema: z.ZodType<T>): Promise<T>
}

type Handler = (simulator: SimulatorMethods, call: Call) => unknown

const ROUTES: Record<string, Handler> = {
  'POST /phones/scan': async (simulator, { body }) => {
    const { qr, phoneNumber } = await body(scanBody)
    return simulator.scanQr(qr, phoneNumber)
  },
  'POST /phones/code': async (simulator, { body }) => {
    const { phoneNumber, code } = await body(codeBody)
    return simulator.enterCode(phoneNumber, code)
  },
  'GET /accounts': (simulator) => ({ accounts: simulator.accounts() }),
  'GET /accounts/{id}/received': (simulator, { id }) => ({ texts: simulator.received(id) }),
  'POST /accounts/{id}/text': async (simulator, { id, body }) => {
    const { text, from } = await body(textBody)
    return simulator.text(id, text, from)
  },
  'POST /accounts/{id}/break': async (simulator, { id, body }) => {
    const { how } = await body(breakBody)
    simulator.breakConnection(id, how)
    return { account: id, how }
  },
  'POST /accounts/{id}/foreign-login': (simulator, { id }) => {
    simulator.foreignLogin(id)
    return { account: id, how: '440' }
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
  const path = new URL(request.url ?? '/', 'http://local').pathname
  const [, collection, id, ...rest] = path.split('/')
  const isAccount = collection === 'accounts' && id !== undefined
  const route = isAccount ? ['', collection, '{id}', ...rest].join('/') : path
  const handler = ROUTES[`${request.method} ${route}`]
  if (!handler) throw new SimulatorError('ROUTE_NOT_FOUND', `no ${request.method} ${path}`)
  return handler(simulator, {
    id: isAccount ? decode(id) : '',
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
