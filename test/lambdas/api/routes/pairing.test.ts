import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { deviceId } from '../../../../core/ids.ts'
import type { DeviceRow } from '../../../../core/store/device-row.ts'
import type { Store } from '../../../../core/store/store.ts'
import {
  anActiveServer,
  anOwnedDevice,
  deviceRow,
  embeddedTables,
  type Tables,
} from '../../../builders/builders.ts'
import { anApi, apiOn, lambdaWorldOn } from '../../events.ts'

const ID = deviceId('shop-17')
const QR = 'https://wa.me/settings/linked_devices#2@ref,noise,identity,adv,1'
const PHONE = '15550100123'

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables.close())

async function anUnpairedDevice() {
  const api = await anApi(tables)
  const { world } = api
  await anOwnedDevice(world, await anActiveServer(world, 'server-1'), ID)
  const set = (attributes: Partial<DeviceRow>) =>
    world.store.update('Devices', { deviceId: ID }, { set: attributes, when: [] })
  const now = world.clock.wallMs()
  const offerQr = () => set({ status: 'pairing', pairing: { qr: QR, since: now, expiresAt: now + 20_000 } })
  return { ...api, set, offerQr }
}

test('the QR is given as the text that the phone reads', async () => {
  const { call, offerQr } = await anUnpairedDevice()
  await offerQr()
  const { status, body } = await call('GET', '/devices/shop-17/qr')
  assert.equal(status, 200)
  assert.equal(body.qr, QR)
  assert.equal(body.expiresAt, '2030-01-01T00:00:20.000Z')
})

test('the QR is given as a PNG', async () => {
  const { call, offerQr } = await anUnpairedDevice()
  await offerQr()
  const { headers, text } = await call('GET', '/devices/shop-17/qr?format=png')
  assert.equal(headers['content-type'], 'image/png')
  assert.deepEqual(
    [...Buffer.from(text, 'base64').subarray(0, 8)],
    [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
  )
})

test('the QR is given as an SVG', async () => {
  const { call, offerQr } = await anUnpairedDevice()
  await offerQr()
  const { headers, text } = await call('GET', '/devices/shop-17/qr?format=svg')
  assert.equal(headers['content-type'], 'image/svg+xml')
  assert.match(text, /^<svg .*<\/svg>\s*$/s)
})

test('a QR must not be cached', async () => {
  const { call, offerQr } = await anUnpairedDevice()
  await offerQr()
  assert.equal((await call('GET', '/devices/shop-17/qr')).headers['cache-control'], 'no-store')
})

test('while there is no QR the answer gives the status and the reason', async () => {
  const { call } = await anUnpairedDevice()
  const { status, body } = await call('GET', '/devices/shop-17/qr')
  assert.equal(status, 409)
  assert.equal(body.code, 'QR_NOT_READY')
  assert.match(body.message, /status is assigned on server "server-1": its server is about to connect it/)
})

test('a QR that has expired is not given', async () => {
  const { call, offerQr, world } = await anUnpairedDevice()
  await offerQr()
  world.clock.advance(20_000)
  assert.equal((await call('GET', '/devices/shop-17/qr')).body.code, 'QR_NOT_READY')
})

test('a paired device has no QR', async () => {
  const { call, set } = await anUnpairedDevice()
  await set({ pairedAt: 1, status: 'connected' })
  assert.equal((await call('GET', '/devices/shop-17/qr')).body.code, 'ALREADY_PAIRED')
})

test('a stopped device has no QR', async () => {
  const { call } = await anUnpairedDevice()
  await call('POST', '/devices/shop-17/stop')
  assert.equal((await call('GET', '/devices/shop-17/qr')).body.code, 'DEVICE_NOT_RUNNING')
})

/** Answers the open pairing request at the `reads`-th read of the device, as its owner would. */
function answeringAtRead(store: Store, reads: number, answer: Partial<DeviceRow>): Store {
  let count = 0
  return {
    ...store,
    async get(table, key) {
      if (table === 'Devices' && ++count === reads) {
        const { pairingCodeRequest: request } = await deviceRow(store, ID)
        const set = { ...answer, ...(request ? { pairingRequestId: request.requestId } : {}) }
        await store.update('Devices', { deviceId: ID }, { set, remove: ['pairingCodeRequest'], when: [] })
      }
      return store.get(table, key)
    },
  }
}

test('a pairing code is waited for until the owner has written it', async () => {
  const { world } = await anUnpairedDevice()
  const pairing = {
    code: 'ABCD1234',
    phoneNumber: PHONE,
    since: 0,
    expiresAt: world.clock.wallMs() + 160_000,
  }
  const later = apiOn(lambdaWorldOn(answeringAtRead(world.store, 5, { pairing })))
  const asked = later.call('POST', '/devices/shop-17/pairing-code', {
    body: { phoneNumber: `+1 (555) 010-${PHONE.slice(7)}` },
  })
  const { status, body } = await later.world.clock.runUntilDone(asked)
  assert.equal(status, 200)
  assert.equal(body.code, 'ABCD1234')
  assert.deepEqual(later.world.rings, ['server-1'])
})

test('a code for an earlier request is not given for this request', async () => {
  const { world, call, set } = await anUnpairedDevice()
  const pairing = {
    code: 'OLD-CODE',
    phoneNumber: '1555010010',
    since: 0,
    expiresAt: world.clock.wallMs() + 160_000,
  }
  await set({ pairing, pairingRequestId: 'an-earlier-one' })
  const asked = call('POST', '/devices/shop-17/pairing-code', { body: { phoneNumber: PHONE } })
  assert.equal((await world.clock.runUntilDone(asked)).body.code, 'PAIRING_CODE_NOT_READY')
})

test('a code that is still valid is given again without asking the owner', async () => {
  const { world, call, set } = await anUnpairedDevice()
  const pairing = {
    code: 'ABCD1234',
    phoneNumber: PHONE,
    since: 0,
    expiresAt: world.clock.wallMs() + 160_000,
  }
  await set({ pairing, pairingRequestId: 'an-earlier-one' })
  const { body } = await call('POST', '/devices/shop-17/pairing-code', { body: { phoneNumber: PHONE } })
  assert.equal(body.code, 'ABCD1234')
  assert.deepEqual(world.rings, [])
})

test('after 8 s without a code the answer says why, and the request stays open', async () => {
  const { world, call } = await anUnpairedDevice()
  const begun = world.clock.mark()
  const asked = call('POST', '/devices/shop-17/pairing-code', { body: { phoneNumber: PHONE } })
  const { status, body } = await world.clock.runUntilDone(asked)
  assert.equal(status, 409)
  assert.equal(body.code, 'PAIRING_CODE_NOT_READY')
  assert.equal(world.clock.elapsedMs(begun), 8000)
  assert.equal((await deviceRow(world.store, ID)).pairingCodeRequest?.phoneNumber, PHONE)
})

test('asking again waits for the same request', async () => {
  const { world, call } = await anUnpairedDevice()
  const ask = () => call('POST', '/devices/shop-17/pairing-code', { body: { phoneNumber: PHONE } })
  await world.clock.runUntilDone(ask())
  const first = (await deviceRow(world.store, ID)).pairingCodeRequest?.requestId
  await world.clock.runUntilDone(ask())
  assert.equal((await deviceRow(world.store, ID)).pairingCodeRequest?.requestId, first)
})

test('a device without a server does not make the caller wait for a code', async () => {
  const { world, call } = await anApi(tables)
  await call('POST', '/devices', { body: { deviceId: ID } })
  const { body } = await call('POST', '/devices/shop-17/pairing-code', { body: { phoneNumber: PHONE } })
  assert.equal(body.code, 'PAIRING_CODE_NOT_READY')
  assert.equal(world.clock.timersSet(), 0)
})

test('a paired device is given no code', async () => {
  const { call, set } = await anUnpairedDevice()
  await set({ pairedAt: 1 })
  const { status, body } = await call('POST', '/devices/shop-17/pairing-code', {
    body: { phoneNumber: PHONE },
  })
  assert.equal(status, 409)
  assert.equal(body.code, 'ALREADY_PAIRED')
})

test('neither phone number nor code reach the log or the history', async () => {
  const { world } = await anUnpairedDevice()
  const pairing = {
    code: 'ABCD1234',
    phoneNumber: PHONE,
    since: 0,
    expiresAt: world.clock.wallMs() + 160_000,
  }
  const later = apiOn(lambdaWorldOn(answeringAtRead(world.store, 3, { pairing })))
  const asked = later.call('POST', '/devices/shop-17/pairing-code', { body: { phoneNumber: PHONE } })
  await later.world.clock.runUntilDone(asked)
  const { text: history } = await later.call('GET', '/devices/shop-17/history')
  assert.doesNotMatch(history + JSON.stringify(later.world.emitted), /15550100123|ABCD1234/)
})
