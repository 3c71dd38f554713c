/** The example that sends reaches the servers' own endpoint. It repeats a text under its id until WhatsApp
 *  has it. */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { MooringError } from '../../core/errors.ts'
import { serverId } from '../../core/ids.ts'
import { type Listener, listen } from '../../hosts/server/listener.ts'
import type { OutgoingText } from '../../hosts/whatsapp/socket.ts'
import { runExample } from './example-process.ts'

const SECRET = 'a secret of the application'
const SERVER = serverId('server-1-run')

describe('the sender of the examples', () => {
  let listener: Listener
  let api: Server
  let apiUrl: string
  let sent: OutgoingText[]
  let failures: MooringError[]

  before(async () => {
    const server = {
      serverId: SERVER,
      ring: () => undefined,
      health: () => ({ serverId: SERVER, leaseValid: true, devices: 1, connected: 1, leaving: false }),
      send: async (_: unknown, message: OutgoingText) => {
        sent.push(message)
        const failure = failures.shift()
        if (failure) throw failure
      },
    }
    const world = { clock: systemClock, telemetry: { emit: () => undefined } }
    const ports = { host: '127.0.0.1', port: 0 }
    listener = await listen(
      { ...ports, ...world, doorbellSecret: 'the doorbell', messagesSecret: SECRET },
      () => server,
    )
    api = createServer((request, response) => {
      const answers: Record<string, object> = {
        '/devices/shop-1': { owner: { serverId: SERVER } },
        [`/servers/${SERVER}`]: { url: `http://127.0.0.1:${listener.port}` },
      }
      const answer = request.headers['x-api-key'] === 'a key' ? answers[request.url ?? ''] : undefined
      response.writeHead(answer ? 200 : 404).end(JSON.stringify(answer ?? { code: 'NOT_FOUND' }))
    })
    await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve))
    apiUrl = `http://127.0.0.1:${(api.address() as AddressInfo).port}`
  })
  beforeEach(() => {
    sent = []
    failures = []
  })
  after(async () => {
    api.closeAllConnections()
    api.close()
    await listener.close()
  })

  const send = (secret = SECRET) =>
    runExample('send/send.js', ['shop-1', '+15550100150', 'ahoy'], {
      MOORING_URL: apiUrl,
      MOORING_API_KEY: 'a key',
      MESSAGES_SECRET: secret,
    })

  test('sends a text through the server that has the device', async () => {
    const example = send()

    assert.equal(await example.ended, 0)
    assert.match(example.printed(), /sent: WhatsApp has it as /)
    assert.deepEqual(
      sent.map(({ to, text }) => ({ to, text })),
      [{ to: '15550100150@s.whatsapp.net', text: 'ahoy' }],
    )
  })

  test('sends again under the same id while no answer is final', async () => {
    failures = [new MooringError('SEND_UNCONFIRMED', 'WhatsApp did not answer')]
    const example = send()

    assert.equal(await example.ended, 0)
    assert.equal(sent.length, 2)
    assert.equal(sent[0]?.messageId, sent[1]?.messageId)
  })

  test('ends at a refusal of WhatsApp', async () => {
    failures = [new MooringError('SEND_REFUSED', 'WhatsApp refuses it')]
    const example = send()

    assert.equal(await example.ended, 1)
    assert.match(example.printed(), /SEND_REFUSED/)
    assert.equal(sent.length, 1)
  })

  test('ends when the secret is another one', async () => {
    const example = send('another secret, as long')

    assert.equal(await example.ended, 1)
    assert.match(example.printed(), /SIGNATURE_INVALID/)
    assert.equal(sent.length, 0)
  })
})
