/**
 * `npm start`: the local fleet, until Ctrl-C.
 * Run by a person at a terminal. It must end every process it started, whatever ends it.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { sleep, systemClock } from '../core/clock.ts'
import { newApiKey } from '../core/keys.ts'
import { listServers } from '../core/server.ts'
import { LOCAL_CREDENTIALS, LOCAL_REGION } from './database.ts'
import { type LocalFleet, startFleet } from './fleet.ts'
import { HELP, readOptions, type StartOptions } from './options.ts'
import { showPairings } from './pairing-in-terminal.ts'

const LOG_DIR = '.mooring/logs'
const JOIN_MS_MAX = 20_000
const JOIN_LOOK_EVERY_MS = 100

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), process.env)
  if (!options) return say(HELP)
  const ended = untilSignal()
  if (options.dataDir) mkdirSync(options.dataDir, { recursive: true, mode: 0o700 })
  say(`Starting ${options.servers} servers ...`)
  const fleet = await startFleet({
    servers: options.servers,
    maxServers: options.maxServers,
    port: options.port,
    capacity: options.capacity,
    logDir: LOG_DIR,
    apiKey: keepApiKey(options),
    whatsApp: options.whatsApp,
    ...(options.whatsAppVersion ? { whatsAppVersion: options.whatsAppVersion } : {}),
    restart: true,
    ...(options.dataDir ? { dataDir: options.dataDir } : {}),
    onServerExit: (server, exit) => {
      if (exit.code !== 0)
        say(`${server.name} ended (${exit.signal ?? `exit code ${exit.code}`}). ${exit.lastWords}`)
    },
  })
  await untilJoined(fleet, options.servers)
  say(welcome(fleet, options))
  const pairings = options.whatsApp === 'simulated' ? undefined : showPairings(fleet.store, say)
  await ended
  say('\nEnding: devices are let go, processes end ...')
  pairings?.stop()
  await fleet.close()
  say('Ended.')
}

/** Before that, a device that is registered finds no server with room. */
async function untilJoined({ store }: LocalFleet, servers: number): Promise<void> {
  const begun = systemClock.mark()
  while (systemClock.elapsedMs(begun) < JOIN_MS_MAX) {
    const active = (await listServers(store)).filter((server) => server.state === 'active')
    if (active.length >= servers) return
    await sleep(systemClock, JOIN_LOOK_EVERY_MS)
  }
  say(`Not every server has joined yet; see ${resolve(LOG_DIR)}`)
}

/** With a data folder the key stays the same from start to start. */
function keepApiKey({ dataDir }: StartOptions): string {
  const given = process.env.MOORING_API_KEY
  if (given) return given
  if (!dataDir) return newApiKey()
  const file = join(dataDir, 'api-key')
  if (existsSync(file)) return readFileSync(file, 'utf8').trim()
  const key = newApiKey()
  writeFileSync(file, `${key}\n`, { mode: 0o600 })
  chmodSync(file, 0o600)
  return key
}

function welcome(
  { apiUrl, apiKey, simulator, database, authKeyFile }: LocalFleet,
  { dataDir, whatsApp }: StartOptions,
): string {
  const { accessKeyId, secretAccessKey } = LOCAL_CREDENTIALS
  const lines = [
    '',
    `  API          ${apiUrl}      (its description: ${apiUrl}/openapi.json)`,
    `  API key      ${apiKey}`,
    ...whatsAppLines(whatsApp, simulator),
    `  Data         ${dataDir ? resolve(dataDir) : 'in memory'}`,
    `  Logs         ${resolve(LOG_DIR)}`,
    '',
    'Register a device:',
    '',
    `  curl -s ${apiUrl}/devices -H 'X-Api-Key: ${apiKey}' \\`,
    `    -H 'Content-Type: application/json' -d '{"deviceId":"shop-1","name":"The shop"}'`,
    '',
    ...(simulator
      ? [
          'Link it, as a phone that scans its QR would:',
          '',
          `  curl -s ${apiUrl}/devices/shop-1/qr -H 'X-Api-Key: ${apiKey}' | \\`,
          `    curl -s ${simulator.controlUrl}/phones/scan -H 'Content-Type: application/json' -d @-`,
          '',
        ]
      : []),
    'Watch the fleet from another terminal, and see what else the command line does (npx mooring --help):',
    '',
    `  export MOORING_URL=${apiUrl} MOORING_API_KEY=${apiKey}`,
    '  npx mooring watch',
    '',
    'Import devices of another system, or export one (docs/importing.md), after:',
    '',
    `  export AWS_ENDPOINT_URL_DYNAMODB=${database.endpoint} AUTH_KEY_FILE=${resolve(authKeyFile)} \\`,
    `    AWS_REGION=${LOCAL_REGION} AWS_ACCESS_KEY_ID=${accessKeyId} AWS_SECRET_ACCESS_KEY=${secretAccessKey}`,
    '',
    'Ctrl-C ends the fleet.',
  ]
  return lines.join('\n')
}

function whatsAppLines(whatsApp: StartOptions['whatsApp'], simulator: LocalFleet['simulator']): string[] {
  const shown = 'QR codes of devices that wait for a phone are shown here'
  if (simulator) return [`  WhatsApp     simulated; phones are controlled at ${simulator.controlUrl}`]
  if (typeof whatsApp === 'string') return [`  WhatsApp     live: ${shown}`]
  return [
    `  WhatsApp     another server, ${whatsApp.url}: nothing is simulated here, no phones, no judge`,
    `               ${shown}`,
  ]
}

/** The first signal ends the fleet in order; npm passes a second Ctrl-C on, which must not end it half way. */
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
