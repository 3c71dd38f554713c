/** One device on its server, with sockets that do what the test says, on the test's clock. It asserts nothing itself. */
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
import type { HostWorld } from '../../../hosts/world.ts'
import { anActiveServer, anOwnedDevice, aWorld, deviceRow, type Tables } from '../../builders/builders.ts'
import { scriptedRandom } from '../../builders/chance.ts'
import { wrapping } from '../auth-state/fixtures.ts'

/** Half of each bound is drawn. */
export const BACKOFF = { baseMs: 1000, capMs: 60_000 }

export interface SceneOptions {
  /** What the device's row says from the beginning. */
  readonly device?: Partial<DeviceRow>
  /** Its credentials are not what the test is about: a linked device comes with fresh ones. */
  readonly freshCredentials?: boolean
  readonly takeSurplus?: () => boolean
  /** What stands between the connection and the store. */
  readonly between?: (store: Store, device: DeviceId) => Store
  readonly prepare?: (store: Store, server: ServerRow) => Promise<unknown>
}

export async function aConnection(context: TestContext, tables: Tables, wish: SceneOptions = {}) {
  const base = await aWorld(tables)
  const server = await anActiveServer(base, 'web-1')
  const { deviceId } = await anOwnedDevice(base, server)
  if (wish.device) await base.store.update('Devices', { deviceId }, { set: wish.device, when: [] })
  await wish.prepare?.(base.store, server)
  const store = wish.between?.(base.store, deviceId) ?? base.store
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
        everPaired: everPaired && !wish.freshCredentials,
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
  const lease = createLease(base.clock, { fenceAfterMs: 3_600_000 })
  lease.renew(base.clock.mark())
  const connection = keepConnection(
    world,
    {
      serverId: server.serverId,
      name: server.name,
      lease,
      limiter: createConnectLimiter(base.clock, 100),
      suspects: createSuspectGate(base.clock),
      backoff: BACKOFF,
      takeSurplus: wish.takeSurplus ?? (() => false),
      mayAct: () => true,
      leaseValid: async () => undefined,
    },
    deviceId,
  )
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
    /** What each of the sockets was given. */
    auths,
    placed,
    nextSocket: () =>
      eventually(async () => {
        // A wait that was over before it began ends here.
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

/** In real time: the clock of the connection stands still unless the test moves it. */
export async function eventually<Found>(look: () => Promise<Found | undefined>): Promise<Found> {
  for (let tries = 0; tries < 1000; tries++) {
    const found = await look()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error('it did not come about')
}
