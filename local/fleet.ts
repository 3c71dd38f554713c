/**
 * The whole system on one machine: embedded DynamoDB, control plane, servers as child processes, WhatsApp simulator.
 * `npm start`, the demo and the fleet tests run it. It must never leave a process or a port behind.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { dynamoDbStore } from '../aws/dynamodb-store.ts'
import { systemClock } from '../core/clock.ts'
import type { ProtocolSettings, RebalanceSettings } from '../core/settings.ts'
import type { Store } from '../core/store/store.ts'
import { keyRow, newApiKey } from '../lambdas/api-keys.ts'
import { type ControlPlane, startControlPlane } from './control-plane/control-plane.ts'
import { LOCAL_TABLE_PREFIX, type LocalDatabase, startDatabase } from './database.ts'
import { examineDatabase } from './database-folder.ts'
import { LOCAL_CLUSTER, LOCAL_SERVICE, startEcsEndpoint } from './ecs-endpoint.ts'
import { Fault, faultOf, naming } from './faults.ts'
import { keyNamesOf, matchKeyFile } from './key-of-database.ts'
import type { WhatsAppChoice } from './options.ts'
import { type ServerExit, type ServerProcess, startServerProcess } from './server-process.ts'
import { createService } from './service.ts'
import { type Simulator, startWhatsAppSimulator } from './whatsapp/simulator.ts'
import type { SimulatorEvent } from './whatsapp/world.ts'

/** For the fleet's own reads and writes; nobody's lease depends on them. */
const STORE_MS_MAX = 5000

export interface FleetOptions {
  readonly servers: number
  /** More are started, up to this many, when no server has room; none when left out. */
  readonly maxServers?: number
  /** How often at most servers are added, and drained because they are idle; as on AWS when left out. */
  readonly scaleCoolDownSeconds?: { readonly out: number; readonly in: number }
  /** Of the API; any free port when left out. */
  readonly port?: number
  readonly logDir: string
  /** Keeps database and simulated phones there; without it everything is gone at the end. */
  readonly dataDir?: string
  readonly apiKey?: string
  readonly capacity?: number
  /** Of each server; 20 when left out. */
  readonly connectsPerSecond?: number
  /** Of all servers together; 100 when left out. */
  readonly fleetConnectsPerSecond?: number
  /** How the sweep evens the servers out; as on AWS when left out. */
  readonly rebalancing?: Partial<RebalanceSettings>
  readonly whatsApp?: WhatsAppChoice
  /** Of the client that every server logs in with; the package's own when left out. */
  readonly whatsAppVersion?: string
  /** Servers hand received messages to the URL, and send what is signed with the secret. Without it they only count. */
  readonly messages?: { readonly url?: string; readonly secret: string }
  /** What happens at the simulated WhatsApp, as it happens. */
  readonly onWhatsAppEvent?: (event: SimulatorEvent) => void
  readonly settings?: Partial<ProtocolSettings>
  /** Whether the end of a process is told to the control plane, as ECS does. */
  readonly tellTaskStopped?: boolean
  /** Whether servers that ended by themselves are started again under their name, as ECS does. */
  readonly restart?: boolean
  /** Further variables of every server's process; see hosts/environment.ts. */
  readonly serverVariables?: Readonly<Record<string, string>>
  /** The control plane has ended by itself: nothing assigns devices or answers the API any more. */
  readonly onControlPlaneExit?: () => void
  readonly onServerExit?: (server: ServerProcess, exit: ServerExit) => void
}

export interface ServerOverrides {
  readonly url?: string
  readonly databaseEndpoint?: string
  readonly capacity?: number
  /** One that is undefined is taken away. */
  readonly variables?: Readonly<Record<string, string | undefined>>
}

export interface LocalFleet {
  readonly apiUrl: string
  readonly apiKey: string
  readonly database: LocalDatabase
  readonly store: Store
  readonly controlPlane: ControlPlane
  readonly ecsEndpoint: string
  /** What a server of this fleet needs to read credentials. */
  readonly authKeyFile: string
  /** Absent when the real WhatsApp is used, or another server. */
  readonly simulator: Simulator | undefined
  servers(): ServerProcess[]
  startServer(name: string, overrides?: ServerOverrides): Promise<ServerProcess>
  /** Ends servers, control plane, simulator and database, in this order. */
  close(): Promise<void>
}

export async function startFleet(options: FleetOptions): Promise<LocalFleet> {
  await naming(`the folder of logs ${options.logDir}`, () => mkdirSync(options.logDir, { recursive: true }))
  const undo: (() => Promise<void>)[] = []
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    return await build(options, undo, close)
  } catch (error) {
    await close()
    throw error
  }
}

async function build(
  options: FleetOptions,
  undo: (() => Promise<void>)[],
  close: () => Promise<void>,
): Promise<LocalFleet> {
  const doorbellSecret = randomBytes(32).toString('hex')
  const apiKey = options.apiKey ?? newApiKey()
  const variables = settingVariables(options.settings ?? {})

  const { database, store, authKeyFile } = await openData(options, undo)
  await store.put('Keys', keyRow(apiKey, 'admin', 'local fleet', systemClock.wallMs()))

  const isSimulated = options.whatsApp === undefined || options.whatsApp === 'simulated'
  const simulator = isSimulated ? await openWhatsApp(options) : undefined
  if (simulator) undo.push(() => simulator.close())
  const whatsAppUrl = typeof options.whatsApp === 'object' ? options.whatsApp.url : simulator?.url

  const service = createService({
    desired: options.servers,
    restart: options.restart === true,
    start: (name) => startProcess(name),
    async exited(server, exit) {
      options.onServerExit?.(server, exit)
      if (!closing && options.tellTaskStopped !== false) {
        await controlPlane.taskStopped(server.taskArn, exitCodeOf(exit))
      }
    },
  })
  const ecs = await startEcsEndpoint(service)
  undo.push(() => ecs.close())
  const ecsEndpoint = `http://127.0.0.1:${ecs.port}`

  const controlPlane = await startControlPlane({
    databaseEndpoint: database.endpoint,
    tablePrefix: LOCAL_TABLE_PREFIX,
    doorbellSecret,
    logFile: join(options.logDir, 'control-plane.log'),
    variables: {
      ...variables,
      AWS_ENDPOINT_URL_ECS: ecsEndpoint,
      ECS_CLUSTER: LOCAL_CLUSTER,
      FLEET_CONNECTS_PER_SECOND: String(options.fleetConnectsPerSecond ?? 100),
      ...rebalanceVariables(options.rebalancing ?? {}),
      ...(options.maxServers === undefined
        ? {}
        : {
            ECS_SERVICE: LOCAL_SERVICE,
            SERVERS_MIN: String(options.servers),
            SERVERS_MAX: String(options.maxServers),
          }),
      ...(options.scaleCoolDownSeconds
        ? {
            SCALE_OUT_COOL_DOWN_SECONDS: String(options.scaleCoolDownSeconds.out),
            SCALE_IN_COOL_DOWN_SECONDS: String(options.scaleCoolDownSeconds.in),
          }
        : {}),
    },
    ...(options.port === undefined ? {} : { port: options.port }),
  })
  undo.push(() => controlPlane.close())
  let closing = false
  void controlPlane.ended.then(() => {
    if (!closing) options.onControlPlaneExit?.()
  })
  undo.push(() => {
    closing = true
    return service.end()
  })

  function startProcess(name: string, overrides: ServerOverrides = {}): Promise<ServerProcess> {
    return startServerProcess({
      name,
      databaseEndpoint: overrides.databaseEndpoint ?? database.endpoint,
      lambdaEndpoint: controlPlane.lambdaEndpoint,
      tablePrefix: LOCAL_TABLE_PREFIX,
      assignFunction: controlPlane.functions.assign,
      doorbellSecret,
      authKeyFile,
      logDir: options.logDir,
      capacity: overrides.capacity ?? options.capacity ?? 400,
      connectsPerSecond: options.connectsPerSecond ?? 20,
      ...(whatsAppUrl === undefined ? {} : { whatsAppUrl }),
      ...(overrides.url ? { url: overrides.url } : {}),
      variables: {
        ...variables,
        ...messagesVariables(options.messages),
        ...(options.whatsAppVersion ? { WHATSAPP_VERSION: options.whatsAppVersion } : {}),
        ...options.serverVariables,
        ...overrides.variables,
      },
    })
  }
  const startServer = (name: string, overrides?: ServerOverrides) =>
    service.add(name, () => startProcess(name, overrides))

  for (let number = 1; number <= options.servers; number++) await startServer(`server-${number}`)
  return {
    apiUrl: controlPlane.apiUrl,
    apiKey,
    database,
    store,
    controlPlane,
    ecsEndpoint,
    authKeyFile,
    simulator,
    servers: service.servers,
    startServer,
    close,
  }
}

/** The database, and beside it the file of the keys that it belongs to. Without a data folder both are gone at the end.
 *  @throws Fault that says what to do */
async function openData({ dataDir }: FleetOptions, undo: (() => Promise<void>)[]) {
  const home = dataDir ?? mkdtempSync(join(tmpdir(), 'mooring-key-'))
  if (dataDir === undefined) undo.push(() => rm(home, { recursive: true, force: true }))
  const authKeyFile = join(home, 'auth-keys')
  const folder = dataDir === undefined ? undefined : join(home, 'database')
  const existed = folder !== undefined && (await examineDatabase(folder))
  const keys = await keyNamesOf(authKeyFile, existed)
  const database = await naming(`the database in ${folder ?? 'memory'}`, () =>
    startDatabase(folder === undefined ? {} : { dataDir: folder }),
  )
  undo.push(() => database.close())
  const store = dynamoDbStore(database.client, LOCAL_TABLE_PREFIX, STORE_MS_MAX)
  if (folder !== undefined) await matchKeyFile({ folder, store, existed }, authKeyFile, keys)
  return { database, store, authKeyFile }
}

/** @throws Fault PHONES_FILE_DAMAGED */
function openWhatsApp({ dataDir, onWhatsAppEvent }: FleetOptions): Promise<Simulator> {
  const dataFile = dataDir === undefined ? undefined : join(dataDir, 'whatsapp.json')
  const starting = startWhatsAppSimulator({
    ...(dataFile === undefined ? {} : { dataFile }),
    ...(onWhatsAppEvent ? { onEvent: onWhatsAppEvent } : {}),
  })
  return starting.catch((error: unknown) => {
    const fault = faultOf(`the file ${dataFile}`, error)
    if (fault instanceof Fault || dataFile === undefined || !existsSync(dataFile)) throw fault
    throw new Fault(
      'PHONES_FILE_DAMAGED',
      `the file ${dataFile}, with the simulated phones, cannot be read: put it back from a copy, or move it away and ` +
        'link the devices anew',
    )
  })
}

function messagesVariables(messages: FleetOptions['messages']): Record<string, string> {
  if (!messages) return {}
  return { MESSAGES_SECRET: messages.secret, ...(messages.url ? { MESSAGES_URL: messages.url } : {}) }
}

/** As ECS and a shell tell it: a process that a signal ended has the signal's number above 128. */
function exitCodeOf({ code, signal }: ServerExit): number {
  return code ?? 128 + (signal ? constants.signals[signal] : constants.signals.SIGKILL)
}

function settingVariables(settings: Partial<ProtocolSettings>): Record<string, string> {
  const { beatEveryMs, fenceAfterMs, buryAfterMs } = settings
  return {
    ...(beatEveryMs ? { BEAT_EVERY_MS: String(beatEveryMs) } : {}),
    ...(fenceAfterMs ? { FENCE_AFTER_MS: String(fenceAfterMs) } : {}),
    ...(buryAfterMs ? { BURY_AFTER_MS: String(buryAfterMs) } : {}),
  }
}

function rebalanceVariables(settings: Partial<RebalanceSettings>): Record<string, string> {
  const { enabled, bandPercent, shareOfFleetPercent, inFlightPerServer } = settings
  return {
    ...(enabled === undefined ? {} : { REBALANCING: enabled ? 'on' : 'off' }),
    ...(bandPercent ? { REBALANCE_BAND_PERCENT: String(bandPercent) } : {}),
    ...(shareOfFleetPercent ? { REBALANCE_SHARE_OF_FLEET_PERCENT: String(shareOfFleetPercent) } : {}),
    ...(inFlightPerServer ? { REBALANCE_IN_FLIGHT_PER_SERVER: String(inFlightPerServer) } : {}),
  }
}
