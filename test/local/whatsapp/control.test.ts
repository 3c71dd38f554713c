import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, eventually, loggedIn, newCredentials, pair, simulatorFor } from './baileys-client.ts'
import { call, refusalOf } from './control-call.ts'

const DEVICE = '15550100'

test('a QR code is scanned through the control', async (t) => {
  const simulator = await simulatorFor(t)
  const newcomer = connect(simulator, newCredentials())

  const { status, body } = await call(simulator, 'POST', '/phones/scan', {
    qr: await newcomer.qr(),
    phoneNumber: DEVICE,
  })

  assert.equal(status, 200)
  assert.equal(body.jid, `${DEVICE}:1@s.whatsapp.net`)
  assert.equal(await newcomer.closed(), 515)
})

test('a code is typed through the control', async (t) => {
  const simulator = await simulatorFor(t)
  const newcomer = connect(simulator, newCredentials())
  await newcomer.qr()
  const code = await newcomer.socket.requestPairingCode(DEVICE)

  const { status } = await call(simulator, 'POST', '/phones/code', { phoneNumber: DEVICE, code })

  assert.equal(status, 200)
  assert.equal(await newcomer.closed(), 515)
})

test('texts are sent and read through the control', async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE))

  await call(simulator, 'POST', `/accounts/${DEVICE}/text`, { text: 'ahoy', from: '15550199' })
  await eventually('the text', () => device.texts.includes('ahoy'))
  await device.socket.sendMessage('15550199@s.whatsapp.net', { text: 'aye' })
  await eventually('the answer', () => simulator.received(DEVICE).length === 1)
  const jid = encodeURIComponent(`${DEVICE}:1@s.whatsapp.net`)
  const { body } = await call(simulator, 'GET', `/accounts/${jid}/received`)

  assert.deepEqual(body, { texts: simulator.received(DEVICE) })
})

test('accounts are listed with their sockets', async (t) => {
  const simulator = await simulatorFor(t)
  await loggedIn(simulator, await pair(simulator, DEVICE), { server: 'web-1' })

  const { body } = await call(simulator, 'GET', '/accounts')

  assert.deepEqual(body, { accounts: simulator.accounts() })
})

test('a connection is broken, and a foreign login caused, through the control', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator, DEVICE)
  const first = await loggedIn(simulator, credentials)
  await call(simulator, 'POST', `/accounts/${DEVICE}/break`, { how: 503 })
  assert.equal(await first.closed(), 503)
  const second = await loggedIn(simulator, credentials)

  await call(simulator, 'POST', `/accounts/${DEVICE}/foreign-login`)

  assert.equal(await second.closed(), 440)
})

test('the report is read and reset', async (t) => {
  const simulator = await simulatorFor(t)
  await loggedIn(simulator, await pair(simulator, DEVICE))

  assert.equal((await call(simulator, 'GET', '/report')).body.logins, 1)
  assert.equal((await call(simulator, 'DELETE', '/report')).body.logins, 0)
  assert.deepEqual(await call(simulator, 'GET', '/health'), { status: 200, body: { status: 'ok' } })
})

test('a request that cannot be carried out is answered with a status and a stable code', async (t) => {
  const simulator = await simulatorFor(t)
  await pair(simulator, DEVICE)
  const refused = (method: string, path: string, body?: unknown) => refusalOf(simulator, method, path, body)

  assert.equal(await refused('GET', '/nowhere'), '404 ROUTE_NOT_FOUND')
  assert.equal(await refused('PUT', '/report'), '404 ROUTE_NOT_FOUND')
  assert.equal(await refused('GET', '/accounts/1555/received'), '404 UNKNOWN_ACCOUNT')
  assert.equal(await refused('GET', '/accounts/%E0%A4%A/received'), '400 BAD_REQUEST')
  assert.equal(await refused('POST', '/phones/scan', '{'), '400 MALFORMED_JSON')
  assert.equal(await refused('POST', '/phones/scan', {}), '400 BAD_REQUEST')
  assert.equal(await refused('POST', '/phones/scan', { qr: 'no code' }), '409 QR_NOT_VALID')
  assert.equal(await refused('POST', `/accounts/${DEVICE}/break`, { how: 'gently' }), '400 BAD_REQUEST')
  assert.equal(await refused('POST', `/accounts/${DEVICE}/break`, { how: '500' }), '409 NOT_CONNECTED')
  assert.equal(
    await refused('POST', `/accounts/${DEVICE}/text`, { text: 'hi', from: 'me' }),
    '400 BAD_REQUEST',
  )
  assert.equal(
    await refused('POST', `/accounts/${DEVICE}/text`, { text: 'x'.repeat(70_000) }),
    '413 BODY_TOO_LARGE',
  )
})
