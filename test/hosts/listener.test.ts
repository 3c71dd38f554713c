import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { signDoorbell } from '../../core/doorbell-signature.ts'
import { serverId } from '../../core/ids.ts'
import { type Listener, listen } from '../../hosts/listener.ts'

const SECRET = 'a secret of the fleet'
const ID = serverId('web-1-0123456789abcdef')

let listener: Listener
let rings = 0
let leaseValid = true

before(async () => {
  const telemetry = { emit: () => undefined }
  const options = { host: '127.0.0.1', port: 0, doorbellSecret: SECRET, clock: systemClock, telemetry }
  listener = await listen(options, () => ({
    serverId: ID,
    ring: () => {
      rings += 1
    },
    health: () => ({ serverId: ID, leaseValid, devices: 3, connected: 2, leaving: false }),
  }))
})

beforeEach(() => {
  rings = 0
  leaseValid = true
})

after(() => listener.close())

function ring(secret: string, body: string, atMs = systemClock.wallMs()): Promise<Response> {
  const { time, signature } = signDoorbell(secret, body, atMs)
  const headers = { 'x-mooring-time': time, 'x-mooring-signature': signature }
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
