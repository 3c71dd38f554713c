/** Servers in the test's own process, with the real Baileys client against the simulator. A test can look
 *  inside them and set their times. The fleet's tests run real processes. */
import assert from 'node:assert/strict'
import { dynamoDbStore } from '../../../aws/dynamodb-store.ts'
import { type ClientVersion, clientVersionText } from '../../../core/client-version.ts'
import { systemClock } from '../../../core/clock.ts'
import { type DeviceId, serverId } from '../../../core/ids.ts'
import { reserve } from '../../../core/protocol/membership.ts'
import { claim, register } from '../../../core/protocol/ownership.ts'
import { systemRandom } from '../../../core/random.ts'
import type { Backoff } from '../../../core/retry.ts'
import { protocolSettings } from '../../../core/settings.ts'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import type { Store } from '../../../core/store/store.ts'
import type { Telemetry } from '../../../core/telemetry.ts'
import { openAuthState } from '../../../hosts/auth-state/auth-state.ts'
import type { KeyWrapping } from '../../../hosts/auth-state/keys/wrapping.ts'
import { DEFAULT_BACKOFF } from '../../../hosts/device/backoff.ts'
import { type Consumer, droppingConsumer } from '../../../hosts/messages/consumer.ts'
import { type RunningServer, runServer } from '../../../hosts/server/server.ts'
import { createStallWatches } from '../../../hosts/stalls/stall-watch.ts'
import { baileysSockets } from '../../../hosts/whatsapp/baileys-socket.ts'
import { silenceConsole } from '../../../hosts/whatsapp/silence-console.ts'
import { LOCAL_TABLE_PREFIX, startDatabase } from '../../../local/database.ts'
import { type Simulator, startWhatsAppSimulator } from '../../../local/whatsapp/simulator.ts'
import '../../local/whatsapp/baileys-timers.ts'
import { recordingTelemetry, wrapping } from '../auth-state/fixtures.ts'

const REQUEST_MS_MAX = 10_000
const LOOK_EVERY_MS = 20
const WAIT_MS_MAX = 20_000
const CAPACITY = 50

export interface Harbour {
  readonly store: Store
  readonly simulator: Simulator
  startServer(name: string, options?: ServerOptions): RunningServer
  register(id: DeviceId): Promise<void>
  /** Gives the device to the server, as the control plane does. */
  give(id: DeviceId, server: RunningServer): Promise<void>
  row(id: DeviceId): Promise<DeviceRow>
  /** Resolves with the device's row as soon as `holds` is true of it. */
  rowWhen(what: string, id: DeviceId, holds: (row: DeviceRow) => boolean): Promise<DeviceRow>
  close(): Promise<void>
}

export interface ServerOptions {
  readonly pairingTimeoutMs?: number
  readonly qrValidMs?: number
  readonly wrapping?: KeyWrapping
  /** The store as the server sees it. */
  readonly store?: Store
  /** When unanswered work counts as a stall, and when a query is given up. */
  readonly stallAfterMs?: number
  readonly queryMsMax?: number
  readonly consumer?: Consumer
  readonly clientVersion?: ClientVersion
  readonly backoff?: Backoff
  readonly telemetry?: Telemetry
}

export async function startHarbour(): Promise<Harbour> {
  silenceConsole()
  const database = await startDatabase()
  const store = dynamoDbStore(database.client, LOCAL_TABLE_PREFIX, REQUEST_MS_MAX)
  const simulator = await startWhatsAppSimulator()
  const running: RunningServer[] = []

  const row = async (id: DeviceId) => {
    const found = await store.get('Devices', { deviceId: id })
    assert.ok(found, `no device ${id}`)
    return found
  }
  return {
    store,
    simulator,
    row,
    startServer(name, options = {}) {
      const server = startServer(name, store, simulator, options)
      running.push(server)
      return server
    },
    async register(id) {
      assert.ok(
        await register(store, systemClock, { deviceId: id, name: id, credentialsId: systemRandom.id() }),
      )
    },
    async give(id, server) {
      const me = { serverId: server.serverId, name: server.serverId, capacity: CAPACITY }
      await until('the server is active', () => reserve(store, me, 1))
      await claim(store, systemClock, {
        device: id,
        server: me,
        claimId: systemRandom.id(),
        keepHome: false,
        moved: false,
      })
      server.ring()
    },
    async rowWhen(what, id, holds) {
      let found = await row(id)
      await until(what, async () => {
        found = await row(id)
        return holds(found)
      }).catch((error: Error) => {
        throw new Error(`${error.message}: ${found.status} (${found.statusReason})`)
      })
      return found
    },
    async close() {
      for (const server of running) server.leave()
      await Promise.all(running.map((server) => server.ended))
      await simulator.close()
      await database.close()
    },
  }
}

function startServer(name: string, store: Store, simulator: Simulator, options: ServerOptions) {
  const telemetry = options.telemetry ?? recordingTelemetry().telemetry
  const clock = systemClock
  const seen = options.store ?? store
  const auth = { store: seen, clock, telemetry, renewDataKeysAfterDays: 365 }
  return runServer(
    {
      store: seen,
      beatStore: store,
      clock,
      random: systemRandom,
      telemetry,
      settings: protocolSettings(),
      ...(options.clientVersion ? { clientVersion: clientVersionText(options.clientVersion) } : {}),
      pairingTimeoutMs: options.pairingTimeoutMs ?? 600_000,
      openAuth: (asked) => openAuthState({ ...auth, wrapping: options.wrapping ?? wrapping, ...asked }),
      openSocket: baileysSockets({
        url: simulator.url,
        historySync: false,
        stalls: createStallWatches(clock, options.stallAfterMs),
        ...(options.queryMsMax === undefined ? {} : { queryMsMax: options.queryMsMax }),
        ...(options.clientVersion ? { clientVersion: options.clientVersion } : {}),
        ...(options.qrValidMs === undefined ? {} : { qrValidMs: options.qrValidMs }),
      }),
      consumer: options.consumer ?? droppingConsumer,
      requestPlacement: async () => undefined,
    },
    {
      serverId: serverId(`${name}-${systemRandom.id()}`),
      name,
      url: `http://127.0.0.1/${name}`,
      capacity: CAPACITY,
      connectsPerSecond: 20,
      backoff: options.backoff ?? DEFAULT_BACKOFF,
    },
  )
}

/** @throws Error with `what`, when it does not hold in time */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const begun = performance.now()
  while (!(await holds())) {
    if (performance.now() - begun > WAIT_MS_MAX) throw new Error(`not within ${WAIT_MS_MAX} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
}
