import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { signatureHeaders } from '../../core/doorbell-signature.ts'
import { MooringError } from '../../core/errors.ts'
import { deviceId, serverId } from '../../core/ids.ts'
import { systemRandom } from '../../core/random.ts'
import { type Listener, listen } from '../../hosts/listener.ts'
import type { OutgoingText } from '../../hosts/whatsapp-socket.ts'

const SECRET = 'a secret of the fleet'
const MESSAGES_SECRET = 'another secret, of the application'
const DEVICE = deviceId('device-1')
const ID = serverId('web-1-0123456789abcdef')

let listener: Listener
let rings = 0
let sent: OutgoingText[] = []
let leaseValid = true

before(async () => {
  const telemetry = { emit: () => undefined }
  const world = { clock: systemClock, random: systemRandom, telemetry }
  const secrets = { doorbellSecret: SECRET, messagesSecret: MESSAGES_SECRET }
  const options = { host: '127.0.0.1', port: 0, ...secrets, ...world }
  listener = await listen(options, () => ({
    serverId: ID,
    ring: () => {
      rings += 1
    },
    async send(device, message) {
      if (device !== DEVICE) throw new MooringError('DEVICE_NOT_HERE', 'another server has it')
      sent.push(message)
    },
    health: () => ({ serverId: ID, leaseValid, devices: 3, connected: 2, leaving: false }),
  }))
})

beforeEach(() => {
  rings = 0
  sent = []
  leaseValid = true
})

after(() => listener.close())

function ring(secret: string, body: string, atMs = systemClock.wallMs()): Promise<Response> {
  const headers = signatureHeaders(secret, body, atMs)
  return fetch(`http://127.0.0.1:${listener.port}/doorbell`, { method: 'POST', headers, body })
}

test('a signed ring makes the server look', async () => {
  assert.equal((await ring(SECRET, JSON.stringify({ serverId: ID }))).status, 202)
  assert.equal(rings, 1)
})

test('a ring with another secret, an old one and an unsigned one are refused', async () => {
  assert.equal((await ring('another secret', '{}')).status, 401)
  assert.equal((await ring(SECRET, '{}', systemClock.wallMs() - 61_000)).status, 401)
  const unsigned = await fetch(`http://127.0.0.1:${listener.port}/doorbell`, { method: 'POST', body: '{}' })
  assert.equal(unsigned.status, 401)
  assert.equal(rings, 0)
})

test('a body that is too large is refused', async () => {
  assert.equal((await ring(SECRET, 'x'.repeat(5000))).status, 400)
  assert.equal(rings, 0)
})

test('health is good while the lease is valid, and tells how many devices are connected', async () => {
  const answer = await fetch(`http://127.0.0.1:${listener.port}/health`)
  assert.equal(answer.status, 200)
  assert.equal(((await answer.json()) as { connected: number }).connected, 2)
  leaseValid = false
  assert.equal((await fetch(`http://127.0.0.1:${listener.port}/health`)).status, 503)
})

test('nothing else is answered', async () => {
  assert.equal((await fetch(`http://127.0.0.1:${listener.port}/devices`)).status, 404)
})

function askToSend(device: string, body: object, { secret = MESSAGES_SECRET, signedFor = device } = {}) {
  const text = JSON.stringify(body)
  const signed = `/devices/${signedFor}/messages\n${text}`
  const headers = signatureHeaders(secret, signed, systemClock.wallMs())
  const url = `http://127.0.0.1:${listener.port}/devices/${device}/messages`
  return fetch(url, { method: 'POST', headers, body: text })
}

test('a signed request sends a text, under the given id or a fresh one that is answered', async () => {
  const given = await askToSend(DEVICE, { to: '+15550100', text: 'ahoy', messageId: 'ORDER-4711' })
  const fresh = await askToSend(DEVICE, { to: '15550100@s.whatsapp.net', text: 'ahoy again' })

  assert.deepEqual(await given.json(), { messageId: 'ORDER-4711' })
  assert.deepEqual(await fresh.json(), { messageId: sent[1]?.messageId })
  assert.deepEqual(sent[0], { to: '15550100@s.whatsapp.net', text: 'ahoy', messageId: 'ORDER-4711' })
  assert.match(sent[1]?.messageId ?? '', /^3EB0[0-9A-F]{16}$/)
})

test('a send that is signed with the doorbell secret, or for another device, is refused', async () => {
  const wish = { to: '15550100', text: 'ahoy' }

  assert.equal((await askToSend(DEVICE, wish, { secret: SECRET })).status, 401)
  assert.equal((await askToSend(DEVICE, wish, { signedFor: 'device-2' })).status, 401)
  assert.deepEqual(sent, [])
})

test('a send for a device of another server, or without a text, says so with a code', async () => {
  const elsewhere = await askToSend('device-2', { to: '15550100', text: 'ahoy' })
  const empty = await askToSend(DEVICE, { to: '15550100' })

  assert.equal(elsewhere.status, 404)
  assert.equal(((await elsewhere.json()) as { code: string }).code, 'DEVICE_NOT_HERE')
  assert.equal(empty.status, 400)
})
