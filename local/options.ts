/** The options of `npm start`: their help, and the checks of what a person gives. */
import { parseArgs } from 'node:util'
import { CLIENT_VERSION_FORM, readClientVersion } from '../core/client-version.ts'
import { isForbiddenPort } from '../core/fetch-ports.ts'
import { messagesUrlFault } from '../core/messages-url.ts'
import { Fault } from './faults.ts'

export interface StartOptions {
  readonly servers: number
  readonly maxServers: number
  readonly port: number
  readonly capacity: number
  readonly dataDir: string | undefined
  readonly whatsApp: WhatsAppChoice
  /** Version of the WhatsApp client; by default the package's own. */
  readonly whatsAppVersion?: string
  readonly apiKey?: string
  readonly messagesUrl?: string
  readonly messagesSecret?: string
}

/** A URL names another server that speaks WhatsApp's protocol. */
export type WhatsAppChoice = 'simulated' | 'live' | { readonly url: string }

export const API_KEY_FORM = /^[\x21-\x7e]{1,256}$/
export const MESSAGES_SECRET_FORM = /^[\x21-\x7e]{16,256}$/

export const HELP = `Runs a whole fleet on this machine: database, API, scheduler, servers, and a simulated WhatsApp.

  npm start -- [options]

  --servers N       how many servers to start (default 3)
  --max-servers N   start more servers, up to this many, when none has room (default: twice --servers)
  --port PORT       port of the API on 127.0.0.1 (default 3000)
  --capacity N      the most devices that one server takes (default 400)
  --data DIR        folder that keeps the database, credentials and API key (default: in memory, deleted at the
                    end; with --whatsapp live: .mooring/live)
  --whatsapp KIND   simulated (default);
                    live: the real WhatsApp, to which you link devices by scanning a QR with a phone;
                    ws://... or wss://...: another server that speaks the protocol, for example a simulator on
                    another machine (node local/whatsapp/main.ts --help)
  --whatsapp-version V
                    version of the WhatsApp client, for example 2.3000.1027934701 (default: WHATSAPP_VERSION,
                    else the package's own); set it when WhatsApp refuses the client as outdated (405)
  --messages-url URL
                    URL of your application: every message that a device receives is posted to it, signed
  --help            this text

Environment variables:

  MOORING_API_KEY   the API key to use; without it a key is made and printed
  MESSAGES_URL      the same as --messages-url
  MESSAGES_SECRET   signs messages to and from your application, 16 characters or more; without it a secret is
                    made and printed

Ctrl-C ends the fleet: the servers release their devices, then all processes end.
`

const LIVE_DATA_DIR = '.mooring/live'

/** @returns undefined when help is asked for
 *  @throws Fault with a sentence for the person at the terminal */
export function readOptions(
  args: string[],
  environment: Readonly<Record<string, string | undefined>> = {},
): StartOptions | undefined {
  const values = parse(args)
  if (values.help) return undefined
  const whatsApp = whatsAppChoice(values.whatsapp)
  const servers = wholeNumber('--servers', values.servers, 1, 50)
  const port = wholeNumber('--port', values.port, 0, 65_535)
  if (isForbiddenPort(port)) throw wrong(`--port ${port} is a port to which no browser and no fetch connects`)
  if (values.data === '') throw wrong('--data must name a folder')
  return {
    servers,
    maxServers: wholeNumber('--max-servers', values['max-servers'] ?? String(2 * servers), servers, 100),
    port,
    capacity: wholeNumber('--capacity', values.capacity, 1, 2000),
    dataDir: values.data ?? (whatsApp === 'live' ? LIVE_DATA_DIR : undefined),
    whatsApp,
    ...clientVersion(values['whatsapp-version'], environment.WHATSAPP_VERSION),
    ...given('apiKey', 'MOORING_API_KEY', environment.MOORING_API_KEY, (key) =>
      API_KEY_FORM.test(key) ? undefined : 'has characters in it that no header can carry, or too many',
    ),
    ...messagesUrl(values['messages-url'], environment.MESSAGES_URL),
    ...given('messagesSecret', 'MESSAGES_SECRET', environment.MESSAGES_SECRET, (secret) =>
      MESSAGES_SECRET_FORM.test(secret) ? undefined : 'must have 16 to 256 characters, none of them a blank',
    ),
  }
}

function clientVersion(asked: string | undefined, set: string | undefined): { whatsAppVersion?: string } {
  const text = asked ?? set
  if (text === undefined) return {}
  if (readClientVersion(text)) return { whatsAppVersion: text }
  const name = asked === undefined ? 'WHATSAPP_VERSION' : '--whatsapp-version'
  throw wrong(`${name} ${CLIENT_VERSION_FORM}, not ${JSON.stringify(text.slice(0, 40))}`)
}

function whatsAppChoice(text: string): WhatsAppChoice {
  if (text === 'simulated' || text === 'live') return text
  if (!/^wss?:/.test(text)) {
    throw wrong(`--whatsapp must be simulated, live, or a URL that begins with ws:// or wss://, not ${text}`)
  }
  const url = URL.parse(text)
  if (!url?.hostname) throw wrong(`--whatsapp is no valid URL: ${text}`)
  if (url.username || url.password || url.hash) {
    throw wrong('--whatsapp must be a URL without user, password and fragment')
  }
  return { url: url.href }
}

function messagesUrl(option: string | undefined, variable: string | undefined) {
  const fault = (url: string) => messagesUrlFault(url, ['http:', 'https:'])
  if (option === '') throw wrong('--messages-url must be a URL that begins with http:// or https://')
  if (option !== undefined) return given('messagesUrl', '--messages-url', option, fault)
  return given('messagesUrl', 'MESSAGES_URL', variable, fault)
}

/** An option that is not set is left out. A sentence about a value never shows it, because it may be a
 *  secret. */
function given<Name extends string>(
  name: Name,
  called: string,
  value: string | undefined,
  faultOf: (value: string) => string | undefined,
): { [N in Name]?: string } {
  if (value === undefined || value === '') return {}
  const fault = faultOf(value)
  if (fault !== undefined) throw wrong(`${called} ${fault}`)
  return { [name]: value } as { [N in Name]?: string }
}

function wrong(message: string): Fault {
  return new Fault('WRONG_OPTION', message)
}

function parse(args: string[]) {
  try {
    return parseStart(args)
  } catch (error) {
    throw wrong(`${error instanceof Error ? error.message : String(error)}. --help lists the options`)
  }
}

function parseStart(args: string[]) {
  return parseArgs({
    args,
    options: {
      servers: { type: 'string', default: '3' },
      'max-servers': { type: 'string' },
      port: { type: 'string', default: '3000' },
      capacity: { type: 'string', default: '400' },
      data: { type: 'string' },
      whatsapp: { type: 'string', default: 'simulated' },
      'whatsapp-version': { type: 'string' },
      'messages-url': { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  }).values
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (Number.isInteger(number) && number >= least && number <= most) return number
  throw wrong(`${name} must be a whole number from ${least} to ${most}, not ${text}`)
}
