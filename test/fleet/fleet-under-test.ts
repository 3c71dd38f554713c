/** A local fleet for a test: real processes, the real Baileys client, and the simulated WhatsApp as judge.
 *  The fleet's tests, the chaos and the test of the image start one. Every fleet searches its logs for keys
 *  when it is closed. */
import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { type DeviceId, deviceId } from '../../core/ids.ts'
import { listServers } from '../../core/protocol/membership.ts'
import type { DeviceRow } from '../../core/store/device-row.ts'
import type { ServerRow } from '../../core/store/server-row.ts'
import { LOCAL_CREDENTIALS, LOCAL_REGION } from '../../local/database.ts'
import { type LocalFleet, startFleet } from '../../local/fleet.ts'
import type { FleetOptions } from '../../local/fleet-options.ts'
import type { ServerProcess } from '../../local/server-process.ts'
import type { Simulator } from '../../local/whatsapp/simulator.ts'
import { filesIn, findSecrets, secretsOfFleet } from './key-search.ts'
import { type ApiAnswer, callApi } from './program.ts'
import { until } from './until.ts'

const ACTIVE_MS_MAX = 60_000
/** A QR that waits too long for its turn to connect expires. */
const LINKED_AT_ONCE_MAX = 20

export interface TestFleet extends LocalFleet {
  readonly simulator: Simulator
  readonly logDir: string
  /** Calls the API as a person would. */
  call(method: string, path: string, body?: unknown): Promise<ApiAnswer>
  /** Registers devices through the API and links each by a phone that scans its QR. Resolves when all are
   *  connected. */
  linkDevices(count: number, prefix?: string): Promise<DeviceId[]>
  /** The rows of these devices. */
  devices(ids: readonly DeviceId[]): Promise<DeviceRow[]>
  /** The devices that the server of this name owns. */
  ownedBy(ids: readonly DeviceId[], name: string): Promise<DeviceId[]>
  untilConnected(ids: readonly DeviceId[], limitMs?: number): Promise<DeviceRow[]>
  /** How many of the devices WhatsApp holds a socket for. */
  openSockets(ids: readonly DeviceId[]): Promise<number>
  serverRow(name: string): Promise<ServerRow | undefined>
  activeServers(): Promise<ServerRow[]>
  untilActive(name: string, limitMs?: number): Promise<ServerRow>
  processOf(name: string): ServerProcess
  /** The scheduler asks for a sweep once a minute. This sweep does not wait for it. */
  sweepNow(): Promise<void>
  /** The sentence this project exists for, as the judge saw it. */
  assertNeverTwoSockets(): void
}

/** Resolves when all of its servers are active. */
export async function startTestFleet(options: Partial<FleetOptions> = {}): Promise<TestFleet> {
  const servers = options.servers ?? 3
  const logDir = mkdtempSync(join(tmpdir(), 'mooring-fleet-'))
  const fleet = underTest(await startFleet({ ...options, servers, logDir }), logDir)
  const areActive = async () => (await fleet.activeServers()).length === servers
  await until(`${servers} active servers`, ACTIVE_MS_MAX, areActive).catch(async (error: unknown) => {
    await fleet.close()
    throw error
  })
  return fleet
}

function underTest(local: LocalFleet, logDir: string): TestFleet {
  const { simulator, store } = local
  assert.ok(simulator)
  let closing: Promise<void> | undefined

  const fleet: TestFleet = {
    ...local,
    simulator,
    logDir,
    close: () => {
      closing ??= closeAndSearch(local, logDir)
      return closing
    },
    call: (method, path, body) => callApi({ url: local.apiUrl, key: local.apiKey }, method, path, body),
    linkDevices: (count, prefix) => linkDevices(fleet, count, prefix),
    devices: (ids) =>
      store.getMany(
        'Devices',
        ids.map((id) => ({ deviceId: id })),
      ),
    async ownedBy(ids, name) {
      const servers = (await listServers(store)).filter((server) => server.name === name)
      const owners = new Set(servers.map(({ serverId }) => serverId))
      const owned = (await fleet.devices(ids)).filter(({ owner }) => owner && owners.has(owner))
      return owned.map((row) => row.deviceId)
    },
    untilConnected: (ids, limitMs = 40_000) => untilConnected(fleet, ids, limitMs),
    async openSockets(ids) {
      const jids = new Set((await fleet.devices(ids)).map((row) => row.account?.jid))
      return simulator.accounts().filter(({ jid, connectedTo }) => jids.has(jid) && connectedTo).length
    },
    serverRow: async (name) => (await listServers(store)).filter((server) => server.name === name).at(-1),
    activeServers: async () => (await listServers(store)).filter(({ state }) => state === 'active'),
    untilActive: (name, limitMs = 30_000) =>
      until(`server "${name}" active`, limitMs, async () =>
        (await fleet.activeServers()).find((server) => server.name === name),
      ),
    processOf(name) {
      const found = local.servers().find((server) => server.name === name)
      assert.ok(found, `no process of server "${name}"`)
      return found
    },
    sweepNow: () => sweepNow(local),
    assertNeverTwoSockets() {
      const { overlaps, conflicts } = simulator.report()
      assert.deepEqual(overlaps, [])
      assert.equal(conflicts.overlap, 0)
    },
  }
  return fleet
}

/** No log, and no output of any process, contains a key of any device. */
async function closeAndSearch(fleet: LocalFleet, logDir: string): Promise<void> {
  const secrets = await secretsOfFleet(fleet.store, fleet.authKeyFile).finally(fleet.close)
  assert.deepEqual(findSecrets(filesIn(logDir), secrets), [], `keys in the logs in ${logDir}`)
}

async function linkDevices(fleet: TestFleet, count: number, prefix = 'device'): Promise<DeviceId[]> {
  const ids = Array.from({ length: count }, (_, number) => deviceId(`${prefix}-${number + 1}`))
  for (let first = 0; first < count; first += LINKED_AT_ONCE_MAX)
    await linkAtOnce(fleet, ids.slice(first, first + LINKED_AT_ONCE_MAX))
  return ids
}

async function linkAtOnce(fleet: TestFleet, ids: readonly DeviceId[]): Promise<void> {
  for (const id of ids) {
    const answer = await fleet.call('POST', '/devices', { deviceId: id, name: id })
    assert.equal(answer.status, 201, JSON.stringify(answer.body))
  }
  const scanned = new Set<string>()
  await until(`${ids.length} devices linked`, 60_000, async () => {
    for (const row of await fleet.devices(ids)) {
      const qr = row.pairing?.qr
      if (!qr || scanned.has(row.deviceId)) continue
      scanned.add(row.deviceId)
      // On a busy machine the socket that showed the QR may be gone. The next socket shows another QR.
      await fleet.simulator.scanQr(qr).catch(() => scanned.delete(row.deviceId))
    }
    return scanned.size === ids.length
  })
  await fleet.untilConnected(ids)
}

function untilConnected(fleet: TestFleet, ids: readonly DeviceId[], limitMs: number): Promise<DeviceRow[]> {
  return until(
    `${ids.length} devices connected`,
    limitMs,
    async () => {
      const rows = await fleet.devices(ids)
      const isOpen = rows.every((row) => row.status === 'connected' && row.owner !== undefined)
      return isOpen && (await fleet.openSockets(ids)) === ids.length && rows
    },
    async () => (await fleet.devices(ids)).filter((row) => row.status !== 'connected').map(summary),
  )
}

async function sweepNow(fleet: LocalFleet): Promise<void> {
  const client = new LambdaClient({
    endpoint: fleet.controlPlane.lambdaEndpoint,
    region: LOCAL_REGION,
    credentials: LOCAL_CREDENTIALS,
  })
  const scheduled = { source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} }
  await client.send(
    new InvokeCommand({
      FunctionName: 'mooring-sweep',
      InvocationType: 'Event',
      Payload: Buffer.from(JSON.stringify(scheduled)),
    }),
  )
  client.destroy()
}

function summary({ deviceId: id, status, statusReason, owner, epoch }: DeviceRow) {
  return { id, status, statusReason, owner, epoch }
}
