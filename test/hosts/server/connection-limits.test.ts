/** Clients that try to keep a connection open: each connection ends within some seconds, and is counted. */
import assert from 'node:assert/strict'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../../../core/clock.ts'
import { serverId } from '../../../core/ids.ts'
import { createLimitedServer } from '../../../hosts/server/connection-limits.ts'
import { type Listener, listen } from '../../../hosts/server/listener.ts'
import { recordingTelemetry } from '../auth-state/fixtures.ts'

/** 5 s, half a second until Node looks, and a margin for two busy cores. */
const CLOSED_MS_MAX = 7000
const RING = 'POST /doorbell HTTP/1.1\r\nhost: x\r\n'
const HEALTH = 'GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'

const { events, telemetry } = recordingTelemetry()
let listener: Listener
before(async () => {
  const secrets = { doorbellSecret: 'a secret of the fleet', messagesSecret: 'a secret of the application' }
  listener = await listen({ host: '127.0.0.1', port: 0, ...secrets, clock: systemClock, telemetry }, () => ({
    serverId: serverId('web-1'),
    ring: () => undefined,
    send: async () => undefined,
    health: () => ({
      serverId: serverId('web-1'),
      leaseValid: true,
      devices: 0,
      connected: 0,
      leaving: false,
    }),
  }))
})
after(() => listener.close())

interface Client {
  readonly socket: Socket
  /** Resolves with the duration, in ms. */
  readonly closed: Promise<number>
}

function aClient(): Client {
  const begun = performance.now()
  const socket = connect(listener.port, '127.0.0.1')
  socket.on('error', () => undefined)
  const closed = new Promise<number>((resolve) =>
    socket.once('close', () => resolve(performance.now() - begun)),
  )
  return { socket, closed }
}

/** Sends the rest byte by byte, until the connection is cut. */
function drip(socket: Socket, byte: string): void {
  const timer = setInterval(() => socket.write(byte), 100)
  socket.once('close', () => clearInterval(timer))
}

const SLOW: readonly [string, (socket: Socket) => void][] = [
  ['says nothing', (socket) => void socket.resume()],
  ['says half a line', (socket) => void socket.resume().write('POST /door')],
  [
    'says its headers byte by byte',
    (socket) => void socket.resume().write(`${RING}x: `, () => drip(socket, 'y')),
  ],
  [
    'says one header after another',
    (socket) => void socket.resume().write(RING, () => drip(socket, 'x: y\r\n')),
  ],
  [
    'says its body byte by byte',
    (socket) => void socket.resume().write(`${RING}content-length: 4000\r\n\r\n`, () => drip(socket, 'x')),
  ],
  [
    'says its body in endless chunks',
    (socket) =>
      void socket
        .resume()
        .write(`${RING}transfer-encoding: chunked\r\n\r\n`, () => drip(socket, '1\r\nx\r\n')),
  ],
  ['waits to be told to go on', (socket) => void socket.resume().write(`${RING}expect: 100-continue\r\n`)],
  ['has had its answer', (socket) => void socket.resume().write(HEALTH)],
  [
    'has had its answer, and begins another request',
    (socket) => void socket.resume().write(`${HEALTH}${RING}x: `, () => drip(socket, 'y')),
  ],
  [
    'says a body byte by byte that nobody wants',
    (socket) =>
      void socket
        .resume()
        .write('POST /nowhere HTTP/1.1\r\nhost: x\r\ncontent-length: 4000\r\n\r\n', () => drip(socket, 'x')),
  ],
  [
    'asks and asks and never reads',
    (socket) => {
      const more = () => {
        while (!socket.destroyed && socket.write(HEALTH));
      }
      socket.pause().on('drain', more)
      more()
      setInterval(more, 5).unref()
    },
  ],
  [
    'asks for one thing behind the other',
    (socket) => void socket.resume().write(HEALTH.repeat(100), () => drip(socket, HEALTH.repeat(100))),
  ],
]

describe('a connection is closed in time that', { concurrency: true }, () => {
  for (const [what, say] of SLOW) {
    test(what, async (context) => {
      const { socket, closed } = aClient()
      context.after(() => socket.destroy())

      say(socket)
      const late = new AbortController()
      const ms = await Promise.race([
        closed,
        new Promise<number>((resolve) => {
          const timer = setTimeout(resolve, CLOSED_MS_MAX + 1000, Number.POSITIVE_INFINITY)
          late.signal.addEventListener('abort', () => clearTimeout(timer))
        }),
      ])
      late.abort()

      assert.ok(ms < CLOSED_MS_MAX, `${ms} ms`)
    })
  }
})

test('a client that pipelines requests is answered in their order', async () => {
  const { socket, closed } = aClient()
  let said = ''
  socket.on('data', (text) => {
    said += text
  })

  socket.end(HEALTH.repeat(3) + HEALTH.replace('health', 'nothing'))
  await closed

  assert.deepEqual(
    said.match(/HTTP\/1\.1 \d+/g),
    ['200', '200', '200', '404'].map((s) => `HTTP/1.1 ${s}`),
  )
})

test('an answer that nobody reads is cut off', async (context) => {
  const limits = { headersMsMax: 5000, requestMsMax: 5000, headerBytesMax: 8192 }
  const drops: string[] = []
  const server = createLimitedServer(
    { ...limits, connectionsMax: 2, connectionsOfOneRemoteMax: 2 },
    (_, response) => void response.end(Buffer.alloc(64 * 2 ** 20)),
    (why) => drops.push(why),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  context.after(() => {
    socket.destroy()
    server.close()
  })
  socket.on('error', () => undefined)
  const closed = new Promise<void>((resolve) =>
    server.once('connection', (accepted) => accepted.once('close', resolve)),
  )

  socket.pause().write(HEALTH)
  const begun = performance.now()
  await closed

  assert.deepEqual(drops, ['answers not read'])
  assert.ok(performance.now() - begun < CLOSED_MS_MAX)
})

test('connections are bounded in number, the next ones are dropped, and then there is room again', async () => {
  const clients = Array.from({ length: 300 }, aClient)
  const dropped = await Promise.race([
    Promise.all(clients.slice(256).map(({ closed }) => closed)),
    new Promise((resolve) => setTimeout(resolve, 3000, 'not closed')),
  ])
  const open = clients.filter(({ socket }) => !socket.closed).length
  for (const { socket } of clients) socket.destroy()
  await Promise.all(clients.map(({ closed }) => closed))
  const after = await fetch(`http://127.0.0.1:${listener.port}/health`)

  assert.notEqual(dropped, 'not closed')
  assert.equal(open, 256)
  assert.equal(after.status, 200)
})

test('dropped connections are logged at a bounded rate', () => {
  const told = events.filter(({ event }) => event === 'connection.dropped')

  assert.ok(told.length >= 2 && told.length <= 8, `${told.length} lines`)
  assert.ok(told.some(({ fields }) => fields?.why === 'too slow'))
  assert.ok(told.some(({ fields }) => fields?.why === 'too many connections'))
})

test('a request with too large headers is refused with 431, also after others on the same connection', async () => {
  const { socket, closed } = aClient()
  const heard: Buffer[] = []
  socket.on('data', (bytes: Buffer) => {
    heard.push(bytes)
    if (heard.length === 1)
      socket.write(`GET /health?${'x'.repeat(20_000)} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`)
  })
  socket.write(HEALTH)

  await closed

  const statuses = [
    ...Buffer.concat(heard)
      .toString()
      .matchAll(/HTTP\/1\.1 (\d+)/g),
  ].map(([, status]) => status)
  assert.deepEqual(statuses, ['200', '431'])
})
