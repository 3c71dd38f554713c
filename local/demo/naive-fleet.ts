/** A fleet without Mooring: servers that share a table and a folder of credentials, and a WhatsApp of their
 *  own. */
import { mkdtempSync, statfsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type LocalDatabase, startDatabase } from '../database.ts'
import { startWhatsAppSimulator } from '../whatsapp/simulator.ts'
import { type Child, startChild } from './child.ts'
import { createNaiveTables, naiveTable } from './naive-table.ts'
import { connectedPerServer, type StagedFleet } from './staged-fleet.ts'
import type { Undo } from './undo.ts'

/** Each server may take half as much again as its share, so that the others can take over when a server
 *  fails. */
const ROOM = 1.5
const MEMORY_FOLDER = '/dev/shm'
/** A device has some 820 small files, each a page of memory. */
const FILES_BYTES_PER_DEVICE = 4_000_000

export interface NaiveFleet extends StagedFleet {
  readonly database: LocalDatabase
  /** Holds a folder for each device. */
  readonly authDir: string
  startServer(name: string, overrides?: NaiveOverrides): Promise<void>
  /** The latest process of that name, even if it has ended. */
  process(name: string): Child | undefined
  /** Pairs all devices in one process. */
  startPairing(): Promise<Child>
  /** Gives every device an owner, the same number to each server, as if the fleet had been running for a long
   *  time. */
  shareOut(): Promise<void>
}

/** Other endpoints for a server, where a proxy lies between the server and the rest. */
export interface NaiveOverrides {
  readonly databaseEndpoint?: string
  readonly whatsAppUrl?: string
  readonly variables?: Readonly<Record<string, string>>
}

export interface NaiveFleetPlan {
  readonly deviceIds: readonly string[]
  /** The servers among which the devices are shared out before the start. */
  readonly names: readonly string[]
  readonly logDir: string
  /** Devices per server; by default half as much again as its share. */
  readonly capacity?: number
}

export async function prepareNaiveFleet(
  {
    deviceIds,
    names,
    logDir,
    capacity = Math.ceil((deviceIds.length / names.length) * ROOM),
  }: NaiveFleetPlan,
  undo: Undo,
): Promise<NaiveFleet> {
  const authDir = makeAuthDir(deviceIds.length)
  undo.add(() => rm(authDir, { recursive: true, force: true, maxRetries: 5 }))
  const simulator = await startWhatsAppSimulator()
  undo.add(() => simulator.close())
  const database = await startDatabase()
  undo.add(() => database.close())
  await createNaiveTables(database.client)
  const table = naiveTable(database.client)

  const servers = new Map<string, Child>()
  let owned = new Map<string, number>()
  const places = { authDir, whatsAppUrl: simulator.url }
  const start = async (entry: string, name: string, plan: object, variables = {}) => {
    const child = await startChild(entry, { ...places, ...plan }, join(logDir, `${name}.log`), variables)
    undo.add(async () => {
      if (!child.hasExited()) child.signal('SIGKILL')
      await child.exited
    })
    return child
  }
  return {
    devices: deviceIds.length,
    simulator,
    database,
    authDir,
    async look() {
      const byOwner = Map.groupBy(await table.devices(), ({ owner }) => owner ?? '')
      owned = new Map([...byOwner].map(([owner, devices]) => [owner, devices.length]))
    },
    servers() {
      const connected = connectedPerServer(simulator)
      return [...servers].map(([name, child]) => ({
        name,
        pid: child.pid,
        state: child.hasExited() ? 'ended' : 'running',
        devices: owned.get(name) ?? 0,
        sockets: connected.get(name) ?? 0,
      }))
    },
    startPairing: () =>
      start('naive-pairing.ts', 'naive-pairing', {
        deviceIds,
        controlUrl: simulator.controlUrl,
        controlToken: simulator.controlToken,
      }),
    hasJoined: async (name) => (await table.heartbeats()).has(name),
    async shareOut() {
      for (const [at, deviceId] of deviceIds.entries()) {
        await table.setOwner(deviceId, names[at % names.length] ?? '')
      }
    },
    async startServer(name, { variables, ...overrides } = {}) {
      const { endpoint: databaseEndpoint, credentials } = database
      const plan = { serverId: name, databaseEndpoint, credentials, capacity, ...overrides }
      servers.set(name, await start('naive-server.ts', name, plan, variables))
    },
    process: (name) => servers.get(name),
    signal: (name, signal) => servers.get(name)?.signal(signal),
    hasExited: (name) => servers.get(name)?.hasExited() ?? true,
  }
}

/** Makes the folder in memory where there is room, because Baileys' many small files of pre-keys are slow on
 *  a disk. */
function makeAuthDir(devices: number): string {
  const parent = freeBytes(MEMORY_FOLDER) > 2 * devices * FILES_BYTES_PER_DEVICE ? MEMORY_FOLDER : tmpdir()
  return mkdtempSync(join(parent, 'mooring-demo-'))
}

function freeBytes(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize
  } catch {
    // Not every system has this folder.
    return 0
  }
}
