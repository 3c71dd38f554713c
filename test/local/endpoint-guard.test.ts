/** Every kind of endpoint that the local fleet opens, asked as web pages would ask. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import WebSocket from 'ws'
import { ask, type Doors, openDoors } from './doors.ts'

let opened: Doors
before(async () => {
  opened = await openDoors()
})
after(() => opened?.close())

const ENDPOINTS = [
  'database',
  'lambda',
  'ecs',
  'api',
  'control',
  'server of devices',
  'WhatsApp socket',
] as const
const PAGES: Record<string, Record<string, string>> = {
  'an Origin': { origin: 'http://evil.example' },
  'the Origin null of a sandbox': { origin: 'null' },
  'an Origin of this machine': { origin: 'http://127.0.0.1:3000' },
  'an Origin that begins like the Origin of WhatsApp': { origin: 'https://web.whatsapp.com.evil.example' },
  'Sec-Fetch-Site: cross-site': { 'sec-fetch-site': 'cross-site' },
  'Sec-Fetch-Site: same-site': { 'sec-fetch-site': 'same-site' },
  'Sec-Fetch-Site: same-origin': { 'sec-fetch-site': 'same-origin' },
  'a preflight': { 'access-control-request-method': 'POST' },
  'a foreign Host': { host: 'evil.example' },
  'a Host that was rebound': { host: '127.0.0.1.evil.example:3000' },
  'a Host with a user': { host: 'localhost@evil.example' },
  'a Host with a dot after it': { host: 'localhost.' },
}

describe('a request of a web page is refused', () => {
  for (const endpoint of ENDPOINTS) {
    for (const [what, headers] of Object.entries(PAGES)) {
      test(`${endpoint}: ${what}`, async () => {
        const door = opened.doors[endpoint]
        const { status, headers: answered, body } = await ask(door, { headers })
        assert.match(`${status} ${body}`, /^(403 .*FOREIGN_ORIGIN|421 .*FOREIGN_HOST)/)
        assert.deepEqual(
          Object.keys(answered).filter((name) => name.startsWith('access-control')),
          [],
        )
      })
    }
  }

  for (const endpoint of ENDPOINTS) {
    test(`${endpoint}: OPTIONS gets no permission`, async () => {
      const door = opened.doors[endpoint]
      const { status, headers } = await ask(door, {
        method: 'OPTIONS',
        headers: { origin: 'http://evil.example' },
      })
      assert.equal(status, 403)
      assert.equal(headers['access-control-allow-origin'], undefined)
    })
  }

  for (const endpoint of ENDPOINTS) {
    test(`${endpoint}: a request target with a host of its own`, async () => {
      const { status } = await ask(opened.doors[endpoint], { path: 'http://evil.example/' })
      assert.equal(status, 421)
    })
  }

  for (const endpoint of ['lambda', 'ecs', 'api', 'control'] as const) {
    test(`${endpoint}: another port in Host`, async () => {
      const { status } = await ask(opened.doors[endpoint], { headers: { host: '127.0.0.1:1' } })
      assert.equal(status, 421)
    })
  }

  test('none of these requests was carried out', async () => {
    await opened.assertNothingDone()
  })
})

describe('an endpoint answers by every name of this machine', () => {
  for (const host of ['127.0.0.1', 'localhost', '[::1]', 'LOCALHOST']) {
    test(host, async () => {
      const door = opened.doors.api
      assert.equal((await ask(door, { headers: { host: `${host}:${door.port}` } })).status, 200)
    })
  }

  test('a person may type an address into a browser', async () => {
    assert.equal((await ask(opened.doors.api, { headers: { 'sec-fetch-site': 'none' } })).status, 200)
  })
})

describe('the WebSocket of the simulated WhatsApp', () => {
  const opens = (url: string, options: WebSocket.ClientOptions) =>
    new Promise<string>((resolve) => {
      const socket = new WebSocket(url, options)
      socket.once('open', () => {
        socket.terminate()
        resolve('open')
      })
      socket.once('error', (error) => resolve(error.message))
    })

  test('opens for the real client, which calls itself a page of WhatsApp', async () => {
    assert.equal(await opens(opened.simulator.url, { origin: 'https://web.whatsapp.com' }), 'open')
  })

  for (const origin of [
    'http://evil.example',
    'null',
    'http://web.whatsapp.com',
    'https://web.whatsapp.com.evil.example',
  ]) {
    test(`does not open for ${origin}, even with the secret of this run`, async () => {
      assert.match(await opens(opened.simulator.url, { origin }), /403/)
    })
  }

  test('does not open by a name that was rebound', async () => {
    const headers = { host: 'evil.example' }
    assert.match(await opens(opened.simulator.url, { origin: 'https://web.whatsapp.com', headers }), /421/)
  })

  for (const path of ['/ws/chat', '/ws/chat/', '/ws/chat/guessed', '/']) {
    test(`does not open at ${path}: it lacks the secret of this run`, async () => {
      const url = new URL(path, opened.simulator.url).href
      assert.match(await opens(url, { origin: 'https://web.whatsapp.com' }), /socket hang up|ECONNRESET/)
    })
  }
})
