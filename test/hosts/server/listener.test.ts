import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { systemClock } from '../../../core/clock.ts'
import { MooringError } from '../../../core/errors.ts'
import { type DeviceId, deviceId, serverId } from '../../../core/ids.ts'
import { signatureHeaders } from '../../../core/request-signature.ts'
import { type Listener, listen } from '../../../hosts/server/listener.ts'
import type { OutgoingText } from '../../../hosts/whatsapp/socket.ts'
import { recordingTelemetry } from '../auth-state/fixtures.ts'

const SECRET = 'a secret of the fleet'
const MESSAGES_SECRET = 'another secret, of the application'
const DEVICE = deviceId('device-1')
const ID = serverId('web-1-0123456789abcdef')

const { events, telemetry } = recordingTelemetry()
let listener: Listener
/** The listener of another server, with the same secrets. */
let other: Listener
/** The listener of a server that is not up yet. */
let starting: Listener
let isOutOfReach = false
let rings = 0
let sent: OutgoingText[] = []
let leaseValid = true

before(async () => {
  listener = await aListener(() => SERVER)
  other = await aListener(() => SERVER)
  starting = await aListener(() => undefined)
})

const SERVER = {
  serverId: ID,
  ring: () => {
    rings += 1
  },
  async send(device: DeviceId, message: OutgoingText) {
    if (device !== DEVICE) throw new MooringError('DEVICE_NOT_HERE', 'another server has it')
    if (isOutOfReach) throw new MooringError('SEND_UNCONFIRMED', 'not now')
    sent.push(message)
  },
  health: () => ({ serverId: ID, leaseValid, devices: 3, connected: 2, leaving: false }),
}

function aListener(server: Parameters<typeof listen>[1]): Promise<Listener> {
  const secrets = { doorbellSecret: SECRET, messagesSecret: MESSAGES_SECRET }
  return listen({ host: '127.0.0.1', port: 0, ...secrets, clock: systemClock, telemetry }, server)
}

beforeEach(() => {
  rings = 0
  sent = []
  leaseValid = true
  isOutOfReach = false
})

after(() => Promise.all([listener, other, starting].map((each) => each.close())))

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

test('every other request is answered with 404', async () => {
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
  const request = { to: '15550100', text: 'ahoy' }

  assert.equal((await askToSend(DEVICE, request, { secret: SECRET })).status, 401)
  assert.equal((await askToSend(DEVICE, request, { signedFor: 'device-2' })).status, 401)
  assert.deepEqual(sent, [])
})

test('a send for a device of another server, or without a text, says so with a code', async () => {
  const elsewhere = await askToSend('device-2', { to: '15550100', text: 'ahoy' })
  const empty = await askToSend(DEVICE, { to: '15550100' })

  assert.equal(elsewhere.status, 404)
  assert.equal(((await elsewhere.json()) as { code: string }).code, 'DEVICE_NOT_HERE')
  assert.equal(empty.status, 400)
})

/** A send as an eavesdropper would have it: every byte of it. */
function captured(body: object, atMs = systemClock.wallMs()) {
  const text = JSON.stringify(body)
  const path = `/devices/${DEVICE}/messages`
  const headers = signatureHeaders(MESSAGES_SECRET, `${path}\n${text}`, atMs)
  return async ({ port }: Listener) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', headers, body: text })
    return { status: answer.status, body: (await answer.json()) as { code?: string; messageId?: string } }
  }
}

test('a captured send that is replayed has the same message id, at whichever server', async () => {
  const play = captured({ to: '15550100', text: 'ahoy' })

  const first = await play(listener)
  const elsewhere = await play(other)

  assert.deepEqual(elsewhere, first)
  assert.deepEqual(
    sent.map(({ messageId }) => messageId),
    [first.body.messageId, first.body.messageId],
  )
})

test('a captured send that is replayed at the same server is answered and never sent twice', async () => {
  const play = captured({ to: '15550100', text: 'ahoy' })

  const answers = await Promise.all(Array.from({ length: 20 }, () => play(listener)))
  const later = await play(listener)

  assert.equal(sent.length, 1)
  assert.deepEqual(new Set([...answers, later].map(({ body }) => body.messageId)).size, 1)
})

test('a send that failed may be sent again as it was, and has the same id', async () => {
  const play = captured({ to: '15550100', text: 'ahoy' })
  isOutOfReach = true
  const failed = await play(listener)
  isOutOfReach = false

  const again = await play(listener)

  assert.equal(failed.status, 503)
  assert.equal(failed.body.code, 'SEND_UNCONFIRMED')
  assert.equal(again.status, 200)
  assert.equal(failed.body.messageId, again.body.messageId)
  assert.equal(sent.length, 1)
})

test('two sends of the same text are two messages', async () => {
  const now = systemClock.wallMs()

  await captured({ to: '15550100', text: 'ahoy' }, now)(listener)
  await captured({ to: '15550100', text: 'ahoy' }, now + 1)(listener)

  assert.notEqual(sent[0]?.messageId, sent[1]?.messageId)
})

test('a wrong signature and a server that is not up yet have codes of their own', async () => {
  const request = { to: '15550100', text: 'ahoy' }
  const headers = signatureHeaders(SECRET, '{}', systemClock.wallMs())
  const early = await fetch(`http://127.0.0.1:${starting.port}/doorbell`, {
    method: 'POST',
    headers,
    body: '{}',
  })
  const answers = [
    await ring('another secret', '{}'),
    await askToSend(DEVICE, request, { secret: SECRET }),
    early,
  ]
  const sendEarly = await captured(request)(starting)

  const codes = await Promise.all(answers.map(async (answer) => (await answer.json()) as { code: string }))
  assert.deepEqual(
    codes.map(({ code }) => code),
    ['SIGNATURE_INVALID', 'SIGNATURE_INVALID', 'SERVER_STARTING'],
  )
  assert.equal(early.status, 503)
  assert.equal(sendEarly.status, 503)
  assert.equal(sendEarly.body.code, 'SERVER_STARTING')
})

test('a flood of refused rings is logged in two lines: the first ring, and the number of the others', async () => {
  const server = await aListener(() => SERVER)
  events.length = 0
  for (let count = 0; count < 50; count++) {
    await fetch(`http://127.0.0.1:${server.port}/doorbell`, { method: 'POST', body: '{}' })
  }
  await server.close()

  assert.deepEqual(
    events.map(({ event, fields }) => [event, fields?.count]),
    [
      ['doorbell.refused', 1],
      ['doorbell.refused', 49],
    ],
  )
})
