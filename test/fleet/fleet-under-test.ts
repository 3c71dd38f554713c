/** A local fleet for a test: real processes, the real Baileys client, and the simulator as judge. */
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

const LOOK_EVERY_MS = 50
const ACTIVE_MS_MAX = 60_000
/** A QR that waits too long for its turn to connect expires. */
const LINKED_AT_ONCE_MAX = 20

export interface TestFleet extends LocalFleet {
  readonly simulator: Simulator
  readonly logDir: string
  /** Calls the API as a person would. */
  call(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: Record<string, unknown> }>
  devices(ids: readonly DeviceId[]): Promise<DeviceRow[]>
  serverRow(name: string): Promise<ServerRow | undefined>
}

/** Resolves when all of its servers are active. */
export async function startTestFleet(options: Partial<FleetOptions> = {}): Promise<TestFleet> {
  const servers = options.servers ?? 3
  const logDir = mkdtempSync(join(tmpdir(), 'mooring-fleet-'))
  const fleet = await startFleet({ ...options, servers, logDir })
  const { simulator } = fleet
  assert.ok(simulator)
  let closing: Promise<void> | undefined
  const underTest: TestFleet = {
    ...fleet,
    simulator,
    logDir,
    close: () => {
      closing ??= closeAndSearch(fleet, logDir)
      return closing
    },
    async call(method, path, body) {
      const answer = await fetch(`${fleet.apiUrl}${path}`, {
        method,
        headers: {
          'x-api-key': fleet.apiKey,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(20_000),
      })
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
    },
    devices: (ids) =>
      fleet.store.getMany(
        'Devices',
        ids.map((id) => ({ deviceId: id })),
      ),
    serverRow: async (name) =>
      (await listServers(fleet.store)).filter((server) => server.name === name).at(-1),
  }
  const areActive = async () => (await activeServers(underTest)).length === servers
  await until(`${servers} active servers`, ACTIVE_MS_MAX, areActive).catch(async (error: unknown) => {
    await fleet.close()
    throw error
  })
  return underTest
}

/** Every fleet test ends by this: no key of any of its devices stands in a log, on stdout or stderr of any process. */
async function closeAndSearch(fleet: LocalFleet, logDir: string): Promise<void> {
  const secrets = await secretsOfFleet(fleet.store, fleet.authKeyFile).finally(fleet.close)
  assert.deepEqual(findSecrets(filesIn(logDir), secrets), [], `keys in the logs in ${logDir}`)
}

/** Looks again and again until `look` finds something; a test that waits for ever tells nothing.
 *  @throws Error that says what was waited for, and what stood instead */
export async function until<Found>(
  what: string,
  limitMs: number,
  look: () => Promise<Found | undefined | false>,
  instead: () => Promise<unknown> = async () => '',
): Promise<Found> {
  const deadline = performance.now() + limitMs
  while (performance.now() < deadline) {
    const found = await look()
    if (found) return found
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
  throw new Error(`${what}: not within ${limitMs} ms. ${JSON.stringify(await instead())}`)
}

/** Registers devices through the API and links each by a phone that scans its QR; resolves when all are connected. */
export async function moor(fleet: TestFleet, count: number, prefix = 'device'): Promise<DeviceId[]> {
  const ids = Array.from({ length: count }, (_, number) => deviceId(`${prefix}-${number + 1}`))
  for (let first = 0; first < count; first += LINKED_AT_ONCE_MAX)
    await moorAtOnce(fleet, ids.slice(first, first + LINKED_AT_ONCE_MAX))
  return ids
}

async function moorAtOnce(fleet: TestFleet, ids: readonly DeviceId[]): Promise<void> {
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
      // On a busy machine the socket that showed it may be gone: the next one shows another.
      await fleet.simulator.scanQr(qr).catch(() => scanned.delete(row.deviceId))
    }
    return scanned.size === ids.length
  })
  await untilConnected(fleet, ids)
}

export function untilConnected(
  fleet: TestFleet,
  ids: readonly DeviceId[],
  limitMs = 40_000,
): Promise<DeviceRow[]> {
  return until(
    `${ids.length} devices connected`,
    limitMs,
    async () => {
      const rows = await fleet.devices(ids)
      const isOpen = rows.every((row) => row.status === 'connected' && row.owner !== undefined)
      return isOpen && (await openSockets(fleet, ids)) === ids.length && rows
    },
    async () => (await fleet.devices(ids)).filter((row) => row.status !== 'connected').map(summary),
  )
}

/** How many of the devices WhatsApp holds a socket for. */
export async function openSockets(fleet: TestFleet, ids: readonly DeviceId[]): Promise<number> {
  const jids = new Set((await fleet.devices(ids)).map((row) => row.account?.jid))
  return fleet.simulator.accounts().filter((account) => jids.has(account.jid) && account.connectedTo).length
}

export async function activeServers(fleet: TestFleet): Promise<ServerRow[]> {
  return (await listServers(fleet.store)).filter((server) => server.state === 'active')
}

export async function untilActive(fleet: TestFleet, name: string, limitMs = 30_000): Promise<ServerRow> {
  return until(`server ${name} active`, limitMs, async () =>
    (await activeServers(fleet)).find((server) => server.name === name),
  )
}

export function processOf(fleet: TestFleet, name: string): ServerProcess {
  const found = fleet.servers().find((server) => server.name === name)
  assert.ok(found, `no process of ${name}`)
  return found
}

/** The devices that the server of this name owns. */
export async function ownedBy(fleet: TestFleet, ids: readonly DeviceId[], name: string): Promise<DeviceId[]> {
  const owners = new Set(
    (await listServers(fleet.store)).filter((s) => s.name === name).map((s) => s.serverId),
  )
  return (await fleet.devices(ids))
    .filter((row) => row.owner && owners.has(row.owner))
    .map((row) => row.deviceId)
}

/** The scheduler asks for a sweep once a minute; this one does not wait for it. */
export async function sweepNow(fleet: LocalFleet): Promise<void> {
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

/** The sentence this project exists for, as the judge saw it. */
export function assertNeverTwoSockets(fleet: TestFleet): void {
  const { overlaps, conflicts } = fleet.simulator.report()
  assert.deepEqual(overlaps, [])
  assert.equal(conflicts.overlap, 0)
}

function summary({ deviceId: id, status, statusReason, owner, epoch }: DeviceRow) {
  return { id, status, statusReason, owner, epoch }
}
