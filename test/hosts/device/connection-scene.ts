/** A device on its server, on the test's clock, with sockets that the test opens and closes. The scene
 *  asserts nothing itself. */
import type { TestContext } from 'node:test'
import type { DeviceId } from '../../../core/ids.ts'
import { createLease } from '../../../core/protocol/lease.ts'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import type { ServerRow } from '../../../core/store/server-row.ts'
import type { Store } from '../../../core/store/store.ts'
import { type OpenAuthState, openAuthState } from '../../../hosts/auth-state/auth-state.ts'
import { keepConnection } from '../../../hosts/device/connection.ts'
import { createSuspectGate } from '../../../hosts/isolation/suspect-gate.ts'
import { droppingConsumer } from '../../../hosts/messages/consumer.ts'
import { createConnectLimiter } from '../../../hosts/server/connect-limiter.ts'
import type { SocketEvents } from '../../../hosts/whatsapp/socket.ts'
import type { HostWorld, ServerContext } from '../../../hosts/world.ts'
import {
  anActiveServer,
  anOwnedDevice,
  aWorld,
  deviceRow,
  type Tables,
  type TestWorld,
} from '../../builders/builders.ts'
import { scriptedRandom } from '../../builders/chance.ts'
import { wrapping } from '../auth-state/fixtures.ts'

/** Half of each bound is drawn. */
export const BACKOFF = { baseMs: 1000, capMs: 60_000 }

export interface SceneOptions {
  /** Attributes of the device's row from the beginning. */
  readonly device?: Partial<DeviceRow>
  /** The test is not about credentials: a linked device comes with fresh ones. */
  readonly freshCredentials?: boolean
  readonly takeSurplus?: () => boolean
  /** Wraps the store as the connection sees it. */
  readonly between?: (store: Store, device: DeviceId) => Store
  readonly prepare?: (store: Store, server: ServerRow) => Promise<unknown>
}

export async function aConnection(context: TestContext, tables: Tables, options: SceneOptions = {}) {
  const base = await aWorld(tables)
  const server = await anActiveServer(base, 'web-1')
  const { deviceId } = await anOwnedDevice(base, server)
  if (options.device) await base.store.update('Devices', { deviceId }, { set: options.device, when: [] })
  await options.prepare?.(base.store, server)
  const store = options.between?.(base.store, deviceId) ?? base.store
  const sockets: SocketEvents[] = []
  const auths: OpenAuthState[] = []
  const placed: string[] = []
  const world: HostWorld = {
    ...base,
    store,
    beatStore: store,
    random: { ...base.random, fraction: scriptedRandom(0.5).fraction },
    openAuth: ({ everPaired, ...asked }) =>
      openAuthState({
        ...base,
        ...asked,
        store,
        wrapping,
        renewDataKeysAfterDays: 365,
        everPaired: everPaired && !options.freshCredentials,
      }),
    openSocket: ({ auth, events }) => {
      sockets.push(events)
      auths.push(auth)
      const closed = () => events.closed(0, 'closed')
      return {
        requestPairingCode: async () => 'ABCD1234',
        logout: async () => undefined,
        send: async () => undefined,
        close: async () => closed(),
        cut: closed,
      }
    },
    pairingTimeoutMs: 600_000,
    consumer: droppingConsumer,
    requestPlacement: async (devices) => void placed.push(...devices),
  }
  const serverContext = aServerContext(base, server, {
    ...(options.takeSurplus ? { takeSurplus: options.takeSurplus } : {}),
  })
  const connection = keepConnection(world, serverContext, deviceId)
  context.after(async () => {
    connection.leave()
    await connection.ended
  })
  let used = 0
  return {
    world: base,
    server,
    connection,
    deviceId,
    sockets,
    /** The auth state that each of the sockets was given. */
    auths,
    placed,
    nextSocket: () =>
      eventually(async () => {
        // A wait of 0 ms ends here.
        base.clock.advance(0)
        return sockets.length > used ? sockets[used++] : undefined
      }),
    rowWhen: (is: (row: DeviceRow) => boolean) =>
      eventually(async () => {
        const row = await deviceRow(base.store, deviceId)
        return is(row) ? row : undefined
      }),
  }
}

/** A server with a lease of an hour, and with turns to connect for every device. */
export function aServerContext(
  { clock }: Pick<TestWorld, 'clock'>,
  { serverId, name }: Pick<ServerRow, 'serverId' | 'name'>,
  parts: Partial<ServerContext> = {},
): ServerContext {
  const lease = createLease(clock, { fenceAfterMs: 3_600_000 })
  lease.renew(clock.mark())
  return {
    serverId,
    name,
    lease,
    limiter: createConnectLimiter(clock, 100),
    suspects: createSuspectGate(clock),
    backoff: BACKOFF,
    takeSurplus: () => false,
    mayAct: () => true,
    leaseValid: async () => undefined,
    ...parts,
  }
}

/** In real time: the clock of the connection moves only when the test moves it. */
export async function eventually<Found>(look: () => Promise<Found | undefined>): Promise<Found> {
  for (let tries = 0; tries < 1000; tries++) {
    const found = await look()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error('it did not come about within 5 s')
}
