/** The world of a server whose sockets and credentials are the test's. The world asserts nothing itself. */
import type { DeviceId } from '../../core/ids.ts'
import type { World } from '../../core/world.ts'
import type { OpenAuthState } from '../../hosts/auth-state/auth-state.ts'
import { droppingConsumer } from '../../hosts/messages/consumer.ts'
import type { SocketEvents, SocketOptions } from '../../hosts/whatsapp/socket.ts'
import type { HostWorld } from '../../hosts/world.ts'

export interface OpenedSocket {
  readonly device: DeviceId
  readonly events: SocketEvents
  readonly mayAct: SocketOptions['mayAct']
  /** The requests that this side has made to the socket, in order. */
  readonly asked: string[]
}

export interface FakeCredentials {
  readonly me?: { readonly id: string }
  readonly account?: object
}

/** Credentials that are held in memory, with an empty inbox. */
export function fakeAuth(creds: FakeCredentials = {}): OpenAuthState & { isClosed(): boolean } {
  let closed = false
  return {
    state: { creds, keys: {} },
    inbox: { next: () => new Promise(() => undefined) },
    saveCreds: async () => undefined,
    settled: async () => undefined,
    close() {
      closed = true
    },
    isClosed: () => closed,
  } as unknown as OpenAuthState & { isClosed(): boolean }
}

/** Sockets close as soon as this side closes or cuts them. */
export function aHostWorld(base: Omit<World, 'doorbell' | 'tasks'>, parts: Partial<HostWorld> = {}) {
  const sockets: OpenedSocket[] = []
  const placed: DeviceId[] = []
  const world: HostWorld = {
    ...base,
    beatStore: base.store,
    pairingTimeoutMs: 600_000,
    openAuth: async () => fakeAuth(),
    openSocket({ device, events, mayAct }) {
      const asked: string[] = []
      let isClosed = false
      const hear: SocketEvents = {
        ...events,
        closed(code, reason) {
          if (!isClosed) events.closed(code, reason)
          isClosed = true
        },
      }
      sockets.push({ device, events: hear, mayAct, asked })
      const end = (how: string) => {
        asked.push(how)
        hear.closed(0, 'closed by this server')
      }
      return {
        send: async () => void asked.push('send'),
        requestPairingCode: async () => 'ABCD1234',
        logout: async () => void asked.push('logout'),
        close: async () => end('close'),
        cut: () => end('cut'),
      }
    },
    consumer: droppingConsumer,
    requestPlacement: async (devices) => void placed.push(...devices),
    ...parts,
  }
  return { world, sockets, placed }
}
