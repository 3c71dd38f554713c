/** The example of an application takes what the servers' own sender posts, and nothing else. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { deviceId } from '../../core/ids.ts'
import { systemRandom } from '../../core/random.ts'
import { signatureHeaders } from '../../core/request-signature.ts'
import { webhookConsumer } from '../../hosts/messages/webhook.ts'
import { type RunningExample, runExample } from './example-process.ts'

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
const TWO_MINUTES_MS = 120_000

describe('the webhook consumer of the examples', () => {
  let example: RunningExample
  let url: string

  before(async () => {
    example = runExample('webhook-consumer/consumer.js', [], { MESSAGES_SECRET: SECRET, PORT: '0' })
    url = (await example.says(/http:\/\/127\.0\.0\.1:\d+\/hook/))[0]
  })
  after(() => example.stop())

  const senderWith = (secret: string) =>
    webhookConsumer({ url, secret, clock: systemClock, random: systemRandom })

  const post = async (body: string, headers: Record<string, string>) =>
    (await fetch(url, { method: 'POST', headers, body })).status

  test('takes a message that a server has signed', async () => {
    await senderWith(SECRET).take(DEVICE, [MESSAGE])

    await example.says(/device-1 <- 15550100101@s\.whatsapp\.net: ahoy\n/)
  })

  test('prints a message once that comes twice', async () => {
    const again = { ...MESSAGE, messageId: 'ID-2', message: { conversation: 'only once' } }

    await senderWith(SECRET).take(DEVICE, [again, again])

    await example.says(/only once/)
    assert.equal(example.printed().split('only once').length - 1, 1)
  })

  test('refuses a message that was signed with another secret', async () => {
    const forged = { ...MESSAGE, messageId: 'ID-3', message: { conversation: 'forged' } }

    await assert.rejects(senderWith('another secret, as long').take(DEVICE, [forged]), /answered 401/)

    assert.doesNotMatch(example.printed(), /forged/)
  })

  test('refuses a body that was changed after it was signed', async () => {
    const headers = signatureHeaders(SECRET, '{"deviceId":"device-1"}', Date.now())

    assert.equal(await post('{"deviceId":"device-2"}', headers), 401)
  })

  test('refuses a request that is older than a minute', async () => {
    const body = JSON.stringify({ deviceId: DEVICE, ...MESSAGE, messageId: 'ID-4' })

    assert.equal(await post(body, signatureHeaders(SECRET, body, Date.now() - TWO_MINUTES_MS)), 401)
  })

  test('refuses a request without a signature, or with a part of the right one', async () => {
    const body = JSON.stringify({ deviceId: DEVICE, ...MESSAGE, messageId: 'ID-5' })
    const { 'x-mooring-signature': signature = '', ...time } = signatureHeaders(SECRET, body, Date.now())

    assert.equal(await post(body, {}), 401)
    assert.equal(await post(body, { ...time, 'x-mooring-signature': signature.slice(0, 32) }), 401)
  })
})

test('without a secret the example does not start', async () => {
  const example = runExample('webhook-consumer/consumer.js', [], { PORT: '0' })

  assert.equal(await example.ended, 1)
  assert.match(example.printed(), /set MESSAGES_SECRET/)
})
