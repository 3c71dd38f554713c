/** A TCP proxy: the network between a server and its peers, which a test can cut and slow down. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** `requests`: bytes from the server are lost. `answers`: bytes to the server are lost. */
export type Cut = 'requests' | 'answers' | 'both'

export interface TcpProxy {
  readonly endpoint: string
  /** Nothing passes in the given direction any more. No side learns of it, not even of an end: packets are
   *  lost, as in a partition. */
  cut(direction?: Cut): void
  /** Everything passes later from now on, ends included. Bytes whose sender gave up still arrive. */
  slow(delayMs: number): void
  /** On each new connection, bytes of the server after its first packets stay on their way. */
  hold(afterPackets: number): void
  /** The number of connections on which bytes are held. */
  held(): number
  /** The held bytes arrive. */
  release(): void
  /** New connections pass again. Earlier connections are reset. */
  mend(): void
  close(): Promise<void>
}

interface Weather {
  lost: { requests: boolean; answers: boolean }
  delayMs: number
  holdAfterPackets: number
  readonly held: Map<Socket, (() => void)[]>
}

/** @param targetEndpoint a URL. The proxy's own URL differs in the port alone */
export async function startProxy(targetEndpoint: string): Promise<TcpProxy> {
  const target = new URL(targetEndpoint)
  const sockets = new Set<Socket>()
  const weather: Weather = {
    lost: { requests: false, answers: false },
    delayMs: 0,
    holdAfterPackets: Number.POSITIVE_INFINITY,
    held: new Map(),
  }

  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.setNoDelay()
      socket.on('error', () => undefined)
      socket.once('close', () => sockets.delete(socket))
    }
    pass(client, upstream, weather, 'requests')
    pass(upstream, client, weather, 'answers')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const endpoint = new URL(targetEndpoint)
  endpoint.port = String((server.address() as AddressInfo).port)

  const dropAll = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    endpoint: endpoint.href.replace(/\/$/, ''),
    cut(direction = 'both') {
      weather.lost = { requests: direction !== 'answers', answers: direction !== 'requests' }
    },
    slow(delayMs) {
      weather.delayMs = delayMs
    },
    hold(afterPackets) {
      weather.holdAfterPackets = afterPackets
    },
    held: () => weather.held.size,
    release() {
      weather.holdAfterPackets = Number.POSITIVE_INFINITY
      const held = [...weather.held.values()].flat()
      weather.held.clear()
      for (const deliver of held) deliver()
    },
    mend() {
      weather.lost = { requests: false, answers: false }
      weather.delayMs = 0
      dropAll()
    },
    async close() {
      dropAll()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** Bytes are delivered in order, even when the delay changes meanwhile. */
function pass(from: Socket, to: Socket, weather: Weather, direction: 'requests' | 'answers'): void {
  const holdAfterPackets = direction === 'requests' ? weather.holdAfterPackets : Number.POSITIVE_INFINITY
  let dueMs = 0
  let packets = 0
  const later = (deliver: () => void) => {
    if (weather.lost[direction]) return
    packets += 1
    const held = weather.held.get(from)
    if (held) return void held.push(deliver)
    // After a release nothing is held any more.
    if (packets > holdAfterPackets && weather.holdAfterPackets === holdAfterPackets)
      return void weather.held.set(from, [deliver])
    const now = performance.now()
    dueMs = Math.max(dueMs, now + weather.delayMs)
    const waitMs = dueMs - now
    if (waitMs <= 0) deliver()
    else setTimeout(() => !weather.lost[direction] && deliver(), waitMs)
  }
  from.on('data', (bytes) => later(() => to.write(bytes)))
  from.once('close', () => later(() => to.destroy()))
}
