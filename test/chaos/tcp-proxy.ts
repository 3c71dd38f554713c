/** A TCP proxy: the network between a server and what it talks to, to be cut and slowed down. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** `requests`: what the server says is lost, `answers`: what it is told is. */
export type Cut = 'requests' | 'answers' | 'both'

export interface TcpProxy {
  readonly endpoint: string
  /** Nothing passes any more in the given direction, and nobody is told, not even of an end: packets are lost, as in a
   *  partition. */
  cut(direction?: Cut): void
  /** Everything passes later from now on, ends included; what was given up by its sender still arrives. */
  slow(delayMs: number): void
  /** Of each new connection, what the server says after its first so many packets stays on its way. */
  hold(afterPackets: number): void
  /** On how many connections something is being held. */
  held(): number
  /** What was held arrives. */
  release(): void
  /** New connections pass again as they should; those of before are reset. */
  mend(): void
  close(): Promise<void>
}

interface Weather {
  lost: { requests: boolean; answers: boolean }
  delayMs: number
  holdAfterPackets: number
  readonly held: Map<Socket, (() => void)[]>
}

/** @param targetEndpoint a URL; the proxy's own differs in nothing but the port */
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

/** What is on its way is delivered in order, however the delay changes meanwhile. */
function pass(from: Socket, to: Socket, weather: Weather, direction: 'requests' | 'answers'): void {
  const holdAfterPackets = direction === 'requests' ? weather.holdAfterPackets : Number.POSITIVE_INFINITY
  let dueMs = 0
  let packets = 0
  const later = (deliver: () => void) => {
    if (weather.lost[direction]) return
    packets += 1
    const held = weather.held.get(from)
    if (held) return void held.push(deliver)
    // Released meanwhile, nothing is held any more.
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
