/** An application, or a proxy before it, answers a message with another protocol. */
import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:net'
import { after, before, test } from 'node:test'
import { deviceId } from '../../../core/ids.ts'
import { systemRandom } from '../../../core/random.ts'
import { webhookConsumer } from '../../../hosts/messages/webhook.ts'
import { impatientClock } from '../auth-state/fixtures.ts'
import { MESSAGE } from './message.ts'

const ANSWERS = {
  'switching protocols':
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  '101 without an upgrade': 'HTTP/1.1 101 Switching Protocols\r\n\r\n',
  '200 with an upgrade':
    'HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n',
  'bytes that are no HTTP': '\u0000\u0001\u0002\r\n\r\n',
  'two answers': 'HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  'status 099': 'HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n',
  'an endless header': `HTTP/1.1 500 No\r\n${'x-a: b\r\n'.repeat(40000)}`,
} as const

let application: Server
let url: string
let said = ''
before(async () => {
  application = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.write(said))
  })
  await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(application.address() as AddressInfo).port}/messages`
})
after(() => application.close())

for (const [name, bytes] of Object.entries(ANSWERS)) {
  test(`${name}: the try ends within the limit, so the device's next message is not held up for ever`, async () => {
    said = bytes
    const consumer = webhookConsumer({
      url,
      secret: 'a secret of the application',
      clock: impatientClock().clock,
      random: systemRandom,
      answerMsMax: 500,
    })
    const late = Promise.withResolvers<string>()
    const timer = setTimeout(() => late.resolve('still waiting'), 5000)
    const outcome = await Promise.race([
      consumer.take(deviceId('device-1'), [MESSAGE]).then(
        () => 'taken',
        (error: Error) => error.message,
      ),
      late.promise,
    ])
    clearTimeout(timer)
    assert.notEqual(outcome, 'still waiting')
  })
}
