/**
 * The simulated WhatsApp in a process of its own, until Ctrl-C: for a fleet elsewhere (`npm start -- --whatsapp ws://...`),
 * and for tests that end it. It prints where it is, and must listen to this machine alone unless told otherwise.
 */
import { parseArgs } from 'node:util'
import { startWhatsAppSimulator } from './simulator.ts'

const HELP = `Runs the simulated WhatsApp alone: a server for Baileys clients, and an HTTP control for its phones and misdeeds.

  node local/whatsapp/main.ts [options]

  --port PORT           of the WebSocket server (default: any free port)
  --control-port PORT   of the HTTP control (default: any free port)
  --host ADDRESS        to listen on (default 127.0.0.1)
  --data FILE           keep phones, linked devices and queued messages there
  --json                print URLs and token as one line of JSON
  --events              print what happens, one line of JSON each
  --help                this text

The control, for instance (docs/simulator.md has all of it); each request needs -H 'Authorization: Bearer TOKEN':

  curl -s CONTROL/phones/scan -d '{"qr":"...","phoneNumber":"15550100101"}'
  curl -s CONTROL/accounts/15550100101/text -d '{"text":"ahoy"}'
  curl -s 'CONTROL/accounts/*/misdeeds' -d '{"misdeed":{"what":"refuse-login","reason":503},"times":3}'
  curl -s CONTROL/accounts/15550100101/damage -d '{"seed":1,"count":100}'
`

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      'control-port': { type: 'string', default: '0' },
      host: { type: 'string', default: '127.0.0.1' },
      data: { type: 'string' },
      json: { type: 'boolean', default: false },
      events: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return say(HELP)
  const simulator = await startWhatsAppSimulator({
    port: portOf('--port', values.port),
    controlPort: portOf('--control-port', values['control-port']),
    host: values.host,
    ...(values.data === undefined ? {} : { dataFile: values.data }),
    ...(values.events ? { onEvent: (event) => say(JSON.stringify(event)) } : {}),
  })
  const { url, controlUrl, controlToken } = simulator
  const shown = `WhatsApp  ${url}\nControl   ${controlUrl}\nToken     ${controlToken}`
  say(values.json ? JSON.stringify({ url, controlUrl, controlToken }) : shown)
  await untilSignal()
  await simulator.close()
}

function portOf(name: string, text: string): number {
  const port = Number(text)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  throw new Error(`${name} is a whole number from 0 to 65535, not ${text}`)
}

function untilSignal(): Promise<void> {
  return new Promise((done) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => done())
  })
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  },
)
