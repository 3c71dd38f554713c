import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import { MooringError } from '../../../core/errors.ts'
import { deviceId } from '../../../core/ids.ts'
import { systemRandom } from '../../../core/random.ts'
import { verifyDoorbell } from '../../../core/request-signature.ts'
import type { Inbox, KeptStanza } from '../../../hosts/auth-state/inbox.ts'
import { sendUntilConfirmed } from '../../../hosts/device/send.ts'
import { handOver } from '../../../hosts/messages/deliver.ts'
import { webhookConsumer } from '../../../hosts/messages/webhook.ts'
import type { OutgoingText } from '../../../hosts/whatsapp/socket.ts'
import { impatientClock } from '../auth-state/fixtures.ts'

const SECRET = 'a secret of the application'
const DEVICE = deviceId('device-1')
const MESSAGE = {
  messageId: 'ID-1',
  seq: 1,
  chat: '15550100101@s.whatsapp.net',
  from: '15550100101@s.whatsapp.net',
  person: '15550100101@s.whatsapp.net',
  fromMe: false,
  timestamp: 1_900_000_000_000,
  message: { conversation: 'ahoy' },
}

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

describe('handing over', () => {
  test('asks a consumer that fails again, and forgets a message only when it was taken', async () => {
    const kept: KeptStanza = {
      hash: 'h',
      keptAt: 0,
      missing: 0,
      // "ahoy" as WhatsApp's protocol buffers and one byte of padding write it
      stanza: {
        tag: 'message',
        attrs: { id: 'ID-1', from: '15550100101@s.whatsapp.net', t: '1900000000' },
        content: [{ tag: 'enc', attrs: { type: 'msg' }, content: Buffer.from('\n\x04ahoy\x01') }],
      },
    }
    const log: string[] = []
    const stop = new AbortController()
    const inbox: Pick<Inbox, 'waiting' | 'take'> = {
      waiting: async () => [kept],
      async take(hashes) {
        log.push(`forgot ${hashes}`)
        stop.abort()
      },
    }
    let tries = 0
    const consumer = {
      async take(_: unknown, messages: readonly { message: object }[]) {
        tries += 1
        log.push(`${tries}: ${JSON.stringify(messages[0]?.message)}`)
        if (tries < 3) throw new Error('not now')
      },
    }

    await handOver(
      {
        clock: impatientClock().clock,
        random: systemRandom,
        consumer,
        inbox: inbox as Inbox,
        device: DEVICE,
        whoIsWho: { account: { jid: '15550100100:1@s.whatsapp.net' }, named: async () => undefined },
        failed: () => log.push('failed'),
      },
      stop.signal,
    )

    const ahoy = '{"conversation":"ahoy"}'
    assert.deepEqual(log, [`1: ${ahoy}`, 'failed', `2: ${ahoy}`, 'failed', `3: ${ahoy}`, 'forgot h'])
  })
})

describe('a send', () => {
  const message: OutgoingText = { to: '15550100101', text: 'ahoy', messageId: 'ORDER-1' }
  const sending = (send: (sent: OutgoingText) => Promise<void>, closed = new AbortController().signal) =>
    sendUntilConfirmed(
      { clock: impatientClock().clock, random: systemRandom, socket: { send }, closed },
      message,
    )

  test('that fails is tried again under the same id', async () => {
    const ids: string[] = []

    await sending(async ({ messageId }) => {
      ids.push(messageId)
      if (ids.length < 3) throw new Error('the commit failed')
    })

    assert.deepEqual(ids, ['ORDER-1', 'ORDER-1', 'ORDER-1'])
  })

  test('that nobody confirms ends, and says under which id to send it again', async () => {
    let tries = 0

    const sent = sending(async () => {
      tries += 1
      throw new Error('no answer')
    })

    await assert.rejects(sent, { code: 'SEND_UNCONFIRMED', facts: { messageId: 'ORDER-1' } })
    assert.equal(tries, 4)
  })

  test('that WhatsApp refuses is not tried again', async () => {
    let tries = 0

    const sent = sending(async () => {
      tries += 1
      throw new MooringError('SEND_REFUSED', 'code 463')
    })

    await assert.rejects(sent, { code: 'SEND_REFUSED' })
    assert.equal(tries, 1)
  })

  test('ends with its socket', async () => {
    const closed = new AbortController()
    let tries = 0

    const sent = sending(async () => {
      tries += 1
      closed.abort()
      throw new Error('the socket is closed')
    }, closed.signal)

    await assert.rejects(sent, { code: 'SEND_UNCONFIRMED' })
    assert.equal(tries, 1)
  })
})
