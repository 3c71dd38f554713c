/**
 * The whole system on one machine: embedded DynamoDB, control plane, servers as child processes, and a
 * simulated WhatsApp. `npm start`, the demo and the fleet tests run it. It must never leave a process or a
 * port behind.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { dynamoDbStore } from '../aws/dynamodb-store.ts'
import { systemClock } from '../core/clock.ts'
import type { Store } from '../core/store/store.ts'
import { keyRow, newApiKey } from '../lambdas/api-keys.ts'
import { type ControlPlane, startControlPlane } from './control-plane/control-plane.ts'
import { LOCAL_TABLE_PREFIX, type LocalDatabase, startDatabase } from './database.ts'
import { examineDatabase } from './database-folder.ts'
import { startEcsEndpoint } from './ecs-endpoint.ts'
import { Fault, faultOf, naming } from './faults.ts'
import type { FleetOptions, ServerOverrides } from './fleet-options.ts'
import { controlPlaneVariables, serverVariables } from './fleet-variables.ts'
import { keyNamesOf, matchKeyFile } from './key-of-database.ts'
import { type ServerExit, type ServerProcess, startServerProcess } from './server-process.ts'
import { createService } from './service.ts'
import { type Simulator, startWhatsAppSimulator } from './whatsapp/simulator.ts'

/** For the reads and writes of this process, on which no lease depends. */
const STORE_MS_MAX = 5000

export interface LocalFleet {
  readonly apiUrl: string
  readonly apiKey: string
  readonly database: LocalDatabase
  readonly store: Store
  readonly controlPlane: ControlPlane
  readonly ecsEndpoint: string
  /** The key file with which a server of this fleet opens credentials. */
  readonly authKeyFile: string
  /** Absent when the real WhatsApp or another WhatsApp server is used. */
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
    variables: controlPlaneVariables(options, ecsEndpoint),
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

  const startProcess = (name: string, overrides: ServerOverrides = {}) =>
    startServerProcess({
      ...serverSettings(options, overrides),
      name,
      databaseEndpoint: overrides.databaseEndpoint ?? database.endpoint,
      lambdaEndpoint: controlPlane.lambdaEndpoint,
      assignFunction: controlPlane.functions.assign,
      doorbellSecret,
      authKeyFile,
      ...(whatsAppUrl === undefined ? {} : { whatsAppUrl }),
    })
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

/** Opens the database and the key file that belongs to it. Without a data folder both are deleted at the end.
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

/** The part of a server's plan that follows from options alone. */
function serverSettings(options: FleetOptions, overrides: ServerOverrides) {
  return {
    tablePrefix: LOCAL_TABLE_PREFIX,
    logDir: options.logDir,
    capacity: overrides.capacity ?? options.capacity ?? 400,
    connectsPerSecond: options.connectsPerSecond ?? 20,
    ...(overrides.url ? { url: overrides.url } : {}),
    variables: serverVariables(options, overrides),
  }
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
      `the file ${dataFile} of the simulated phones cannot be read: put it back from a copy, or move it away and ` +
        'link the devices again',
    )
  })
}

/** The exit code as ECS and a shell report it: 128 plus the number of the signal that ended the process. */
function exitCodeOf({ code, signal }: ServerExit): number {
  return code ?? 128 + (signal ? constants.signals[signal] : constants.signals.SIGKILL)
}
