/** Hostile or broken answers of an application: the server reads little of them, and for a limited time. */
import assert from 'node:assert/strict'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { deviceId } from '../../../core/ids.ts'
import { systemRandom } from '../../../core/random.ts'
import { webhookConsumer } from '../../../hosts/messages/webhook.ts'
import { impatientClock } from '../auth-state/fixtures.ts'
import { MESSAGE } from './message.ts'

const DEVICE = deviceId('device-1')
const MEGABYTE = 2 ** 20
/** The kernel's buffers between two sockets may hold this much; a whole answer is far larger. */
const SENT_BYTES_MAX = 16 * MEGABYTE
const MEMORY_BYTES_MAX = 64 * MEGABYTE
/** An endless answer ends here, so that a server that reads it is caught before it has used up the
 *  machine. */
const ENDLESS_BYTES = 512 * MEGABYTE

let application: Server
let url: string
let requests: number
let answer: (response: ServerResponse, socket: Socket) => void
let sockets: Socket[]

before(async () => {
  application = createServer((request, response) => {
    requests += 1
    request.resume().on('end', () => answer(response, request.socket))
  })
  application.on('connection', (socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(application.address() as AddressInfo).port}/messages`
})
beforeEach(() => {
  requests = 0
  sockets = []
})
after(() => {
  application.closeAllConnections()
  application.close()
})

const consumer = () =>
  webhookConsumer({
    url,
    secret: 'a secret of the application',
    clock: impatientClock().clock,
    random: systemRandom,
    answerMsMax: 400,
  })
const take = () => consumer().take(DEVICE, [MESSAGE])

/** Writes as fast as it is read, until the connection is closed. */
function pour(into: Pick<Socket, 'write' | 'once' | 'destroyed'>, chunk: Buffer): void {
  let left = ENDLESS_BYTES
  const more = () => {
    while (!into.destroyed && left > 0) {
      left -= chunk.length
      if (!into.write(chunk)) return void into.once('drain', more)
    }
  }
  more()
}

/** A chunk with its length before it, as HTTP/1.1 has it. */
function chunked(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
}

async function costOf(taken: Promise<unknown>): Promise<{ sent: number; memory: number; ms: number }> {
  const begun = performance.now()
  const before = process.memoryUsage().rss
  let most = before
  const looking = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss)
  }, 5)
  await taken
  clearInterval(looking)
  const sent = sockets.reduce((sum, socket) => sum + socket.bytesWritten, 0)
  return { sent, memory: most - before, ms: performance.now() - begun }
}

const HEAD = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n'
const ZEROS = Buffer.alloc(64 * 1024)
const BOMB = gzipSync(Buffer.alloc(128 * MEGABYTE), { level: 1 })

const TAKEN: readonly [string, (response: ServerResponse, socket: Socket) => void][] = [
  ['never ends', (_, socket) => void socket.write(`${HEAD}\r\n`, () => pour(socket, chunked(ZEROS)))],
  [
    'says that it has a terabyte',
    (_, socket) =>
      void socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${2 ** 40}\r\n\r\n`, () => pour(socket, ZEROS)),
  ],
  [
    'ends with its connection, and does not',
    (_, socket) => void socket.write('HTTP/1.1 200 OK\r\n\r\n', () => pour(socket, ZEROS)),
  ],
  [
    'is a bomb',
    (_, socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${BOMB.length}\r\n\r\n`)
      socket.write(BOMB)
    },
  ],
  [
    'says that it is compressed and is not',
    (response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end('not compressed'),
  ],
  ['comes without its body', (_, socket) => void socket.write(`${HEAD}\r\n`)],
  ['breaks off in its body', (_, socket) => socket.end(`${HEAD}\r\n5\r\nah`)],
]

describe('a message is taken once, at little cost, by an application whose 2xx', () => {
  for (const [what, answers] of TAKEN) {
    test(what, async () => {
      answer = answers

      const cost = await costOf(take())

      assert.equal(requests, 1)
      assert.ok(cost.sent < SENT_BYTES_MAX, `${cost.sent} bytes were sent`)
      assert.ok(cost.memory < MEMORY_BYTES_MAX, `${cost.memory} bytes of memory`)
      assert.ok(cost.ms < 2000, `${cost.ms} ms`)
    })
  }
})

const REFUSED: readonly [string, RegExp, (response: ServerResponse, socket: Socket) => void][] = [
  [
    'refuses without an end',
    /answered 500$/,
    (_, socket) =>
      void socket.write('HTTP/1.1 500 No\r\ntransfer-encoding: chunked\r\n\r\n', () =>
        pour(socket, chunked(ZEROS)),
      ),
  ],
  ['redirects', /answered 307$/, (response) => void response.writeHead(307, { location: '/messages' }).end()],
  [
    'has headers without an end',
    /cannot be reached/,
    (_, socket) =>
      void socket.write('HTTP/1.1 200 OK\r\n', () => pour(socket, Buffer.from(`x: ${'y'.repeat(4000)}\r\n`))),
  ],
  [
    'answers only with preliminary statuses',
    /no answer within|cannot be reached/,
    (_, socket) => pour(socket, Buffer.from('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n'.repeat(20))),
  ],
  ['says nothing', /no answer within 400 ms/, () => undefined],
  [
    'says its headers byte by byte',
    /no answer within 400 ms/,
    (_, socket) => {
      const bytes = [...`${HEAD}x: ${'y'.repeat(1000)}`]
      const timer = setInterval(() => socket.write(bytes.shift() ?? 'y'), 20)
      socket.on('close', () => clearInterval(timer))
    },
  ],
  ['speaks no HTTP', /cannot be reached/, (_, socket) => void socket.end('220 mail.example.com ESMTP\r\n')],
  ['hangs up', /cannot be reached/, (_, socket) => void socket.destroy()],
]

describe('a message is offered three times, at little cost, to an application that', () => {
  for (const [what, says, answers] of REFUSED) {
    test(what, async () => {
      answer = answers

      const cost = await costOf(assert.rejects(take(), says))

      assert.equal(requests, 3)
      assert.ok(cost.sent < 3 * SENT_BYTES_MAX, `${cost.sent} bytes were sent`)
      assert.ok(cost.memory < MEMORY_BYTES_MAX, `${cost.memory} bytes of memory`)
      assert.ok(cost.ms < 4000, `${cost.ms} ms`)
    })
  }
})

test('the connection is used again after a short answer', async () => {
  answer = (response) => void response.end('{"thank": "you"}')

  const application = consumer()
  await application.take(DEVICE, [MESSAGE])
  await application.take(DEVICE, [MESSAGE])

  assert.equal(requests, 2)
  assert.equal(sockets.length, 1)
})
