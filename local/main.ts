/**
 * `npm start`: runs the local fleet until Ctrl-C. A person runs it at a terminal. However it ends, it must
 * end every process that it started, and say in words why.
 */
import { appendFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { sleep, systemClock } from '../core/clock.ts'
import { listServers } from '../core/protocol/membership.ts'
import { systemRandom } from '../core/random.ts'
import { newApiKey } from '../lambdas/api-keys.ts'
import { keepSecret, prepareFolder } from './data-folder.ts'
import { LOCAL_CREDENTIALS, LOCAL_REGION } from './database.ts'
import { Fault, faultOf, lastWords } from './faults.ts'
import { type LocalFleet, startFleet } from './fleet.ts'
import type { FleetOptions } from './fleet-options.ts'
import { assertPortFree } from './free-port.ts'
import { API_KEY_FORM, HELP, MESSAGES_SECRET_FORM, readOptions, type StartOptions } from './options.ts'
import { showPairings } from './pairing-in-terminal.ts'
import { type RunFile, writeRunFile } from './run-file.ts'
import { welcome } from './welcome.ts'

const LOG_DIR = '.mooring/logs'
const RUN_DIR = '.mooring/runs'
const OWN_LOG = join(LOG_DIR, 'npm-start.log')
const JOIN_MS_MAX = 20_000
const JOIN_LOOK_EVERY_MS = 100
/** After a failure the end may not take longer. Child processes that are left end by themselves after this
 *  process. */
const END_MS_MAX = 40_000

interface Secrets {
  readonly apiKey: string
  readonly messagesSecret: string
}

/** @returns the exit code */
async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2), process.env)
  if (!options) {
    say(HELP)
    return 0
  }
  const ended = untilSignal()
  const { promise: failed, resolve: fail } = Promise.withResolvers<Error>()
  hearFailures(fail)
  const secrets = await prepare(options)
  await assertPortFree(options.port)
  say(`Starting ${options.servers} ${options.servers === 1 ? 'server' : 'servers'} ...`)
  const fleet = await orThrow(failed, startFleet(fleetOptions(options, secrets, fail)))
  const running = run(fleet, options, secrets, ended)
  const failure = await Promise.race([running, failed])
  if (failure === undefined) return 0
  tellFailure(options, failure)
  await Promise.race([fleet.close().catch(() => undefined), sleep(systemClock, END_MS_MAX)])
  say('Ended.')
  return 1
}

/** Runs from the welcome to the orderly end. */
async function run(
  fleet: LocalFleet,
  options: StartOptions,
  secrets: Secrets,
  ended: Promise<void>,
): Promise<undefined> {
  await untilJoined(fleet, options.servers)
  const runFile = await tellRun(fleet, secrets)
  process.on('exit', () => runFile.remove())
  say(welcome({ fleet, options, ...secrets, runFile: runFile.path, logDir: resolve(LOG_DIR) }))
  const pairings = options.whatsApp === 'simulated' ? undefined : showPairings(fleet.store, say)
  await ended
  say('\nEnding: servers release their devices, then all processes end ...')
  pairings?.stop()
  await fleet.close()
  say('Ended.')
}

async function prepare({ dataDir, apiKey, messagesSecret }: StartOptions): Promise<Secrets> {
  await prepareFolder(`the folder of logs ${resolve(LOG_DIR)}`, LOG_DIR)
  await prepareFolder(`the folder ${resolve(RUN_DIR)}`, RUN_DIR)
  if (dataDir !== undefined) await prepareFolder(`the data folder ${resolve(dataDir)}`, dataDir)
  const newSecret = () => `${systemRandom.id()}${systemRandom.id()}`
  return {
    apiKey: apiKey ?? (await keepSecret(dataDir, 'api-key', newApiKey, API_KEY_FORM)),
    messagesSecret:
      messagesSecret ?? (await keepSecret(dataDir, 'messages-secret', newSecret, MESSAGES_SECRET_FORM)),
  }
}

function fleetOptions(
  options: StartOptions,
  { apiKey, messagesSecret: secret }: Secrets,
  fail: (why: Error) => void,
): FleetOptions {
  const {
    servers,
    maxServers,
    port,
    capacity,
    whatsApp,
    whatsAppVersion,
    dataDir,
    messagesUrl: url,
  } = options
  return {
    servers,
    maxServers,
    port,
    capacity,
    whatsApp,
    apiKey,
    logDir: LOG_DIR,
    messages: { secret, ...(url === undefined ? {} : { url }) },
    restart: true,
    ...(dataDir === undefined ? {} : { dataDir }),
    ...(whatsAppVersion === undefined ? {} : { whatsAppVersion }),
    onControlPlaneExit: () => {
      const log = resolve(LOG_DIR, 'control-plane.log')
      fail(
        new Fault(
          'CONTROL_PLANE_ENDED',
          `the control plane has ended unexpectedly, see ${log}: start the fleet again`,
        ),
      )
    },
    onServerExit: (server, exit) => {
      if (exit.code !== 0)
        say(`Server "${server.name}" ended (${exit.signal ?? `exit code ${exit.code}`}). ${exit.lastWords}`)
    },
  }
}

/** A device that is registered before the servers have joined finds no server with room. */
async function untilJoined({ store }: LocalFleet, servers: number): Promise<void> {
  const begun = systemClock.mark()
  while (systemClock.elapsedMs(begun) < JOIN_MS_MAX) {
    const active = (await listServers(store)).filter((server) => server.state === 'active')
    if (active.length >= servers) return
    await sleep(systemClock, JOIN_LOOK_EVERY_MS)
  }
  say(`Some servers have not joined yet; see their logs in ${resolve(LOG_DIR)}`)
}

function tellRun(fleet: LocalFleet, { apiKey, messagesSecret }: Secrets): Promise<RunFile> {
  const { simulator } = fleet
  return writeRunFile(resolve(RUN_DIR), Number(new URL(fleet.apiUrl).port), {
    MOORING_URL: fleet.apiUrl,
    MOORING_API_KEY: apiKey,
    MESSAGES_SECRET: messagesSecret,
    AWS_ENDPOINT_URL_DYNAMODB: fleet.database.endpoint,
    AWS_REGION: LOCAL_REGION,
    AWS_ACCESS_KEY_ID: LOCAL_CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: LOCAL_CREDENTIALS.secretAccessKey,
    AUTH_KEY_FILE: resolve(fleet.authKeyFile),
    WHATSAPP_CONTROL_URL: simulator?.controlUrl,
    WHATSAPP_CONTROL_TOKEN: simulator?.controlToken,
  })
}

/** The first signal ends the fleet in order. npm passes a second Ctrl-C on; it must not interrupt that
 *  end. */
function untilSignal(): Promise<void> {
  return new Promise((done) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => done())
  })
}

/** A full disk or a damaged file of the database reaches us only as an uncaught exception: dynalite does not
 *  await its own writes. */
function hearFailures(failed: (error: Error) => void): void {
  process.on('uncaughtException', failed)
  // The reader of the output is gone, as with `| head`.
  process.stdout.on('error', failed)
  process.stderr.on('error', () => undefined)
}

async function orThrow<T>(failed: Promise<Error>, work: Promise<T>): Promise<T> {
  return Promise.race([work, failed.then((error) => Promise.reject(error))])
}

function tellFailure({ dataDir }: StartOptions, failure: unknown): void {
  const what = dataDir === undefined ? `this machine` : `the data folder ${resolve(dataDir)}`
  complain(faultOf(what, failure))
}

/** A foreseen fault has a sentence of its own. For any other error the log gets the stack. */
function complain(error: unknown): void {
  process.stderr.write(`${lastWords(error)}\n`)
  if (error instanceof Fault || !(error instanceof Error)) return
  try {
    appendFileSync(OWN_LOG, `${error.stack}\n`)
    process.stderr.write(`The details are in ${resolve(OWN_LOG)}\n`)
  } catch {
    // The log cannot be written either: the sentence has to do.
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    complain(faultOf('the fleet cannot start', error))
    process.exit(1)
  },
)
