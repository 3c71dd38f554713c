/** The fixtures of the tests: tables on an embedded database, a world that records what leaves it, and
 *  servers and devices. The builders assert nothing. */

import { dynamoDbStore } from '../../aws/dynamodb-store.ts'
import type { EventName } from '../../core/catalogue.ts'
import { type DeviceId, deviceId, epoch, type ServerId, serverId } from '../../core/ids.ts'
import { activate, announce, beat, hold, reserve } from '../../core/protocol/membership.ts'
import type { SocketIdentity } from '../../core/protocol/ownership.ts'
import { type Claim, claim, permit, register } from '../../core/protocol/ownership.ts'
import { DEFAULT_SETTINGS } from '../../core/settings.ts'
import type { DeviceRow, OwnedDevice } from '../../core/store/device-row.ts'
import type { ServerRow } from '../../core/store/server-row.ts'
import { asServer } from '../../core/store/server-row.ts'
import type { Store } from '../../core/store/store.ts'
import type { EventFields, Measures, Telemetry } from '../../core/telemetry.ts'
import type { Doorbell, TaskControl, World } from '../../core/world.ts'
import { createTables, LOCAL_TABLE_PREFIX, startDatabase } from '../../local/database.ts'
import { seededRandom } from './chance.ts'
import { type ManualClock, manualClock, WALL_START_MS } from './manual-clock.ts'

const REQUEST_MS_MAX = 10_000

export interface Tables {
  /** A store on tables of its own, empty. */
  fresh(): Promise<Store>
  close(): Promise<void>
}

export async function embeddedTables(): Promise<Tables> {
  const database = await startDatabase()
  let count = 0
  return {
    async fresh() {
      count += 1
      const prefix = `${LOCAL_TABLE_PREFIX}${count}-`
      await createTables(database.client, prefix)
      return dynamoDbStore(database.client, prefix, REQUEST_MS_MAX)
    },
    close: () => database.close(),
  }
}

export interface Emitted {
  readonly event: EventName
  readonly fields: EventFields
  readonly measures: Measures
}

export interface TestWorld extends World {
  readonly clock: ManualClock
  /** Everything that was emitted, in order. */
  readonly emitted: Emitted[]
  /** The servers that were rung, in order. */
  readonly rings: ServerId[]
  readonly stoppedTasks: string[]
  /** The facts of every event of that name, in order. */
  told(event: EventName): EventFields[]
}

export async function aWorld(tables: Tables): Promise<TestWorld> {
  return worldOn(await tables.fresh())
}

/** A second caller with its own clock, chance and recorders, on the same store. */
export function worldOn(store: Store, seed = 1): TestWorld {
  const emitted: Emitted[] = []
  const rings: ServerId[] = []
  const stoppedTasks: string[] = []
  const telemetry: Telemetry = {
    emit: (event, fields = {}, measures = {}) => void emitted.push({ event, fields, measures }),
  }
  const doorbell: Doorbell = {
    ring: async (servers) => void rings.push(...servers.map((server) => server.serverId)),
  }
  const tasks: TaskControl = { stopTask: async (taskArn) => stoppedTasks.push(taskArn) > 0 }
  return {
    store,
    clock: manualClock(),
    random: seededRandom(seed),
    telemetry,
    doorbell,
    tasks,
    settings: DEFAULT_SETTINGS,
    emitted,
    rings,
    stoppedTasks,
    told: (event) => emitted.filter((one) => one.event === event).map((one) => one.fields),
  }
}

type At = Pick<World, 'store' | 'clock'>

export interface ServerOptions {
  readonly id?: string
  readonly name?: string
  readonly capacity?: number
  readonly taskArn?: string
}

/** A server as it announces itself, without any device. */
export function newcomer(id: string, options: ServerOptions = {}) {
  const name = options.name ?? id
  return {
    serverId: serverId(id),
    name,
    url: `http://${name}.test:8080`,
    capacity: options.capacity ?? 100,
    ...(options.taskArn ? { taskArn: options.taskArn } : {}),
  }
}

/** A server that has joined: it is announced, holds its name and URL, and is active. */
export async function anActiveServer({ store, clock }: At, id: string, options: ServerOptions = {}) {
  const me = newcomer(id, options)
  await announce(store, clock, me)
  await hold(store, 'name', me.name, me.serverId)
  await hold(store, 'url', me.url, me.serverId)
  return activate(store, me.serverId)
}

export function activeServers(at: At, count: number, options: ServerOptions = {}): Promise<ServerRow[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => anActiveServer(at, `server-${n}`, options)))
}

/** A server's row made by hand, for pure functions. */
export function aServerRow(id: string, options: Partial<Omit<ServerRow, 'serverId'>> = {}): ServerRow {
  return {
    ...newcomer(id),
    state: 'active',
    beat: 0,
    load: 0,
    assignmentSeq: 0,
    connected: 0,
    beatAt: WALL_START_MS,
    joinedAt: WALL_START_MS,
    expiresAt: WALL_START_MS / 1000,
    ...options,
  }
}

export async function beatAll({ store, clock }: At, servers: readonly Pick<ServerRow, 'serverId'>[]) {
  for (const server of servers) await beat(store, clock, server.serverId, 0)
}

export async function serverRow(store: Store, id: ServerId | string): Promise<ServerRow> {
  const row = asServer(await store.get('Servers', { serverId: id as ServerId }))
  if (!row) throw new Error(`the test expects a server ${id}`)
  return row
}

/** A registered device that waits for a server. */
export async function aDevice({ store, clock }: At, id = 'device-1'): Promise<DeviceId> {
  await register(store, clock, { deviceId: deviceId(id), name: `Phone ${id}`, credentialsId: `${id}-creds` })
  return deviceId(id)
}

export async function waitingDevices(at: At, count: number, prefix = 'device'): Promise<DeviceId[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => aDevice(at, `${prefix}-${n}`)))
}

/** The device's row, which has to exist. */
export async function deviceRow(store: Store, id: DeviceId): Promise<DeviceRow> {
  const row = await store.get('Devices', { deviceId: id })
  if (!row) throw new Error(`the test expects a device ${id}`)
  return row
}

type Owner = Pick<ServerRow, 'serverId' | 'name'>

export function aClaim(device: DeviceId, server: Owner, options: Partial<Claim> = {}): Claim {
  return { device, server, claimId: `claim-by-${server.serverId}`, keepHome: false, moved: false, ...options }
}

/** A device that `server` owns and has reserved room for. It was never connected. */
export async function anOwnedDevice(at: At, server: ServerRow, id = 'device-1'): Promise<OwnedDevice> {
  const device = await aDevice(at, id)
  await reserve(at.store, server, 1)
  return claim(at.store, at.clock, aClaim(device, server))
}

export async function ownedDevices(at: At, server: ServerRow, count: number): Promise<OwnedDevice[]> {
  return Promise.all(
    Array.from({ length: count }, (_, n) => anOwnedDevice(at, server, `${server.serverId}-device-${n}`)),
  )
}

/** An owned device with a permit, as its socket may use it. */
export async function aPermittedDevice(at: At, server: ServerRow, id = 'device-1'): Promise<SocketIdentity> {
  const { deviceId: device } = await anOwnedDevice(at, server, id)
  const permitted = await permit(at.store, at.clock, device, server.serverId)
  return { device, server: server.serverId, epoch: permitted.epoch }
}

export async function ownersOf(store: Store, ids: readonly DeviceId[]): Promise<(ServerId | undefined)[]> {
  const rows = await Promise.all(ids.map((id) => deviceRow(store, id)))
  return rows.map((row) => row.owner)
}

/** How many of the devices each server owns, in the order of `servers`. */
export async function ownedCounts(
  store: Store,
  ids: readonly DeviceId[],
  servers: readonly Pick<ServerRow, 'serverId'>[],
): Promise<number[]> {
  const owners = await ownersOf(store, ids)
  return servers.map(({ serverId: id }) => owners.filter((owner) => owner === id).length)
}

export async function loadsOf(
  store: Store,
  servers: readonly Pick<ServerRow, 'serverId'>[],
): Promise<number[]> {
  const rows = await Promise.all(servers.map((server) => serverRow(store, server.serverId)))
  return rows.map((row) => row.load)
}

/** A device's row made by hand, for pure functions and for tests of the store. */
export function aDeviceRow(id: string, options: Partial<Omit<DeviceRow, 'deviceId'>> = {}): DeviceRow {
  return {
    deviceId: deviceId(id),
    name: `Phone ${id}`,
    desired: 'running',
    status: 'unassigned',
    epoch: epoch(0),
    credentialsId: `${id}-creds`,
    createdAt: WALL_START_MS,
    updatedAt: WALL_START_MS,
    ...options,
  }
}

/** Lets a sweep look once a second for `seconds`. The `beating` servers beat before each look. */
export async function lookEverySecond(
  { store, clock }: Pick<TestWorld, 'store' | 'clock'>,
  sweep: { look(): Promise<void> },
  seconds: number,
  beating: readonly Pick<ServerRow, 'serverId'>[] = [],
): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    clock.advance(1000)
    await beatAll({ store, clock }, beating)
    await sweep.look()
  }
}

export function counts<Item>(items: readonly Item[]): Map<Item, number> {
  const found = new Map<Item, number>()
  for (const item of items) found.set(item, (found.get(item) ?? 0) + 1)
  return found
}
