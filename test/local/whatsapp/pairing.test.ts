import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, loggedIn, newCredentials, pair, simulatorFor } from './baileys-client.ts'

const PHONE = '15550100042'

test('a scanned QR code links the device, which restarts with 515 and logs in', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = newCredentials()
  const newcomer = connect(simulator, credentials)

  const device = await simulator.scanQr(await newcomer.qr(), PHONE)
  assert.equal(await newcomer.closed(), 515)
  await loggedIn(simulator, credentials)

  assert.equal(credentials.creds.me?.id, `${PHONE}:1@s.whatsapp.net`)
  assert.equal(credentials.creds.me?.lid, device.lid)
  assert.equal(simulator.accounts()[0]?.preKeys, 812)
  assert.equal(simulator.report().logins, 1)
})

test('a client that shows all its QR codes in vain ends with 408', async (t) => {
  const simulator = await simulatorFor(t)
  const newcomer = connect(simulator, newCredentials(), { qrTimeout: 20 })

  assert.equal(await newcomer.closed(), 408)
})

test('a QR code links one device only', async (t) => {
  const simulator = await simulatorFor(t)
  const newcomer = connect(simulator, newCredentials())
  const qr = await newcomer.qr()
  await simulator.scanQr(qr)

  await assert.rejects(simulator.scanQr(qr), { code: 'QR_NOT_VALID' })
})

test('a QR code of a client that has gone is not valid any more', async (t) => {
  const simulator = await simulatorFor(t)
  const newcomer = connect(simulator, newCredentials())
  const qr = await newcomer.qr()
  newcomer.socket.end(undefined)
  await newcomer.closed()

  await assert.rejects(simulator.scanQr(qr), { code: 'QR_NOT_VALID' })
})

test('a phone links several devices, each with a number of its own', async (t) => {
  const simulator = await simulatorFor(t)

  const first = await pair(simulator, PHONE)
  const second = await pair(simulator, PHONE)

  assert.equal(first.creds.me?.id, `${PHONE}:1@s.whatsapp.net`)
  assert.equal(second.creds.me?.id, `${PHONE}:2@s.whatsapp.net`)
})

test('a code typed into the phone links the device', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = newCredentials()
  const newcomer = connect(simulator, credentials)
  await newcomer.qr()

  const code = await newcomer.socket.requestPairingCode(PHONE)
  await simulator.enterCode(PHONE, `${code.slice(0, 4)}-${code.slice(4)}`)
  assert.equal(await newcomer.closed(), 515)
  await loggedIn(simulator, credentials)

  assert.equal(credentials.creds.me?.id, `${PHONE}:1@s.whatsapp.net`)
  assert.equal(credentials.creds.registered, true)
})

test('a wrong code links nothing, and the right one can still be typed', async (t) => {
  const simulator = await simulatorFor(t)
  const newcomer = connect(simulator, newCredentials())
  await newcomer.qr()
  const code = await newcomer.socket.requestPairingCode(PHONE, 'MQRTV234')

  await assert.rejects(simulator.enterCode(PHONE, 'AAAA1111'), { code: 'WRONG_CODE' })
  assert.deepEqual(simulator.accounts(), [])
  await simulator.enterCode(PHONE, code)

  assert.equal(await newcomer.closed(), 515)
})

test('a code for a phone that no device has asked for is refused', async (t) => {
  const simulator = await simulatorFor(t)

  await assert.rejects(simulator.enterCode(PHONE, 'MQRTV234'), { code: 'NO_CODE_REQUESTED' })
})

test('credentials of a code pairing that was abandoned are refused with 401', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = newCredentials()
  const newcomer = connect(simulator, credentials)
  await newcomer.qr()
  await newcomer.socket.requestPairingCode(PHONE)
  newcomer.socket.end(undefined)
  await newcomer.closed()

  assert.equal(await connect(simulator, credentials).closed(), 401)
})
