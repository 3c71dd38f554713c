import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import { deviceId } from '../../../core/ids.ts'
import { systemRandom } from '../../../core/random.ts'
import { verifyDoorbell } from '../../../core/request-signature.ts'
import { webhookConsumer } from '../../../hosts/messages/webhook.ts'
import { impatientClock } from '../auth-state/fixtures.ts'
import { MESSAGE } from './message.ts'

const SECRET = 'a secret of the application'
const DEVICE = deviceId('device-1')

describe('the webhook', () => {
  let application: Server
  let url: string
  let answers: number[]
  let requests: { body: string; isSigned: boolean }[]

  before(async () => {
    application = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
      const body = Buffer.concat(chunks).toString()
      const { 'x-mooring-time': time, 'x-mooring-signature': signature } = request.headers
      const signed = { time: String(time), signature: String(signature) }
      requests.push({ body, isSigned: verifyDoorbell(SECRET, signed, body, Date.now()) })
      response.writeHead(answers.shift() ?? 204).end()
    })
    await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(application.address() as AddressInfo).port}/messages`
  })
  beforeEach(() => {
    answers = []
    requests = []
  })
  after(() => {
    application.closeAllConnections()
    application.close()
  })

  const consumer = () =>
    webhookConsumer({ url, secret: SECRET, clock: impatientClock().clock, random: systemRandom })

  test('posts each message, signed, and a 2xx says that the application has it', async () => {
    await consumer().take(DEVICE, [MESSAGE])

    assert.deepEqual(JSON.parse(requests[0]?.body ?? ''), { deviceId: DEVICE, ...MESSAGE })
    assert.equal(requests[0]?.isSigned, true)
    assert.equal(requests.length, 1)
  })

  test('tries again after any other answer', async () => {
    answers = [500, 302]

    await assert.doesNotReject(consumer().take(DEVICE, [MESSAGE]))

    assert.equal(requests.length, 3)
  })

  test('gives up after three tries, without a word of the message', async () => {
    answers = [503, 503, 503]

    await assert.rejects(consumer().take(DEVICE, [MESSAGE]), /^Error: the application answered 503$/)

    assert.equal(requests.length, 3)
  })
})
