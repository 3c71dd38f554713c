/** The options of `npm start`. */
import { parseArgs } from 'node:util'
import { CLIENT_VERSION_FORM, readClientVersion } from '../core/client-version.ts'

export interface StartOptions {
  readonly servers: number
  readonly maxServers: number
  readonly port: number
  readonly capacity: number
  readonly dataDir: string | undefined
  readonly whatsApp: WhatsAppChoice
  /** Of the WhatsApp client; the package's own when left out. */
  readonly whatsAppVersion?: string
}

/** With a URL: another server that speaks the protocol. */
export type WhatsAppChoice = 'simulated' | 'live' | { readonly url: string }

export const HELP = `Runs a whole fleet on this machine: database, API, scheduler, servers, and a WhatsApp to connect to.

  npm start -- [options]

  --servers N       server processes (default 3)
  --max-servers N   as many are started when no server has room (default: the double of --servers)
  --port PORT       of the API on 127.0.0.1 (default 3000)
  --capacity N      devices that one server takes (default 400)
  --data DIR        keep database, credentials and API key there (default: in memory, gone at the end;
                    with --whatsapp live: .mooring/live)
  --whatsapp KIND   simulated (default), or live: the real WhatsApp, to be paired by scanning a QR with a phone;
                    or ws://... or wss://...: another server that speaks the protocol, a simulator elsewhere for
                    instance (node local/whatsapp/main.ts --help)
  --whatsapp-version V
                    of the WhatsApp client, for example 2.3000.1027934701 (default: WHATSAPP_VERSION, else the
                    package's own); set it when WhatsApp refuses the client as outdated (405)
  --help            this text

  MOORING_API_KEY   the API key to use; without it one is made and printed

Ctrl-C ends it: every device is let go, every process ends.
`

const LIVE_DATA_DIR = '.mooring/live'

/** @returns undefined when help is asked for
 *  @throws Error with a sentence for the person at the terminal */
export function readOptions(
  args: string[],
  environment: Readonly<Record<string, string | undefined>> = {},
): StartOptions | undefined {
  const { values } = parseArgs({
    args,
    options: {
      servers: { type: 'string', default: '3' },
      'max-servers': { type: 'string' },
      port: { type: 'string', default: '3000' },
      capacity: { type: 'string', default: '400' },
      data: { type: 'string' },
      whatsapp: { type: 'string', default: 'simulated' },
      'whatsapp-version': { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return undefined
  const whatsApp = whatsAppChoice(values.whatsapp)
  const servers = wholeNumber('--servers', values.servers, 1, 50)
  return {
    servers,
    maxServers: wholeNumber('--max-servers', values['max-servers'] ?? String(2 * servers), servers, 100),
    port: wholeNumber('--port', values.port, 0, 65_535),
    capacity: wholeNumber('--capacity', values.capacity, 1, 2000),
    dataDir: values.data ?? (whatsApp === 'live' ? LIVE_DATA_DIR : undefined),
    whatsApp,
    ...clientVersion(values['whatsapp-version'], environment.WHATSAPP_VERSION),
  }
}

function clientVersion(asked: string | undefined, set: string | undefined): { whatsAppVersion?: string } {
  const text = asked ?? set
  if (text === undefined) return {}
  if (readClientVersion(text)) return { whatsAppVersion: text }
  const name = asked === undefined ? 'WHATSAPP_VERSION' : '--whatsapp-version'
  throw new Error(`${name} ${CLIENT_VERSION_FORM}, not ${JSON.stringify(text.slice(0, 40))}`)
}

function whatsAppChoice(text: string): WhatsAppChoice {
  if (text === 'simulated' || text === 'live') return text
  if (!/^wss?:/.test(text)) {
    throw new Error(`--whatsapp is simulated or live, or a URL that begins with ws:// or wss://, not ${text}`)
  }
  const url = URL.parse(text)
  if (!url?.hostname) throw new Error(`--whatsapp is no URL: ${text}`)
  if (url.username || url.password || url.hash) {
    throw new Error('--whatsapp takes a URL without user, password and fragment')
  }
  return { url: url.href }
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const number = Number(text)
  if (Number.isInteger(number) && number >= least && number <= most) return number
  throw new Error(`${name} is a whole number from ${least} to ${most}, not ${text}`)
}
