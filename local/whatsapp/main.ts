/**
 * Runs the simulated WhatsApp in a process of its own until Ctrl-C. A fleet elsewhere uses it (`npm start --
 * --whatsapp ws://...`), and tests that kill it. It must listen on this machine alone unless told otherwise.
 */
import { parseArgs } from 'node:util'
import { startWhatsAppSimulator } from './simulator.ts'

const HELP = `Runs the simulated WhatsApp alone: a server for Baileys clients, and an HTTP control of its phones.

  node local/whatsapp/main.ts [options]

  --port PORT           port of the WebSocket server (default: any free port)
  --control-port PORT   port of the HTTP control (default: any free port)
  --host ADDRESS        address to listen on (default 127.0.0.1)
  --data FILE           file that keeps phones, groups, linked devices and queued messages
  --json                print URLs, token and root key as one line of JSON
  --events              print each event as one line of JSON
  --help                this text

Examples of the control (all of it: docs/simulator.md). Each request needs -H 'Authorization: Bearer TOKEN':

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
  const { url, controlUrl, controlToken, rootKey } = simulator
  const shown = `WhatsApp  ${url}\nControl   ${controlUrl}\nToken     ${controlToken}\nRoot key  ${rootKey}`
  say(values.json ? JSON.stringify({ url, controlUrl, controlToken, rootKey }) : shown)
  await untilSignal()
  await simulator.close()
}

function portOf(name: string, text: string): number {
  const port = Number(text)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  throw new Error(`${name} must be a whole number from 0 to 65535, not ${text}`)
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
