import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Curve } from '@whiskeysockets/baileys'
import type { Store } from '../../../core/store/store.ts'
import { CREDENTIALS_ID, newDevice, noting, open, startStore } from './fixtures.ts'

const FIRST_LOGIN_PRE_KEYS = 812

let store: Store
let close: () => Promise<void>
before(async () => {
  ;({ store, close } = await startStore())
})
after(() => close())

const preKeys = Object.fromEntries(
  Array.from({ length: FIRST_LOGIN_PRE_KEYS }, (_, at) => [String(at + 1), Curve.generateKeyPair()]),
)

test('the 812 pre-keys of a first login take at most 40 requests, and each is found again', async () => {
  const device = newDevice()
  const { requests, store: noted } = noting(store)
  const first = await open({ store: noted, device, epoch: 1 })
  requests.length = 0

  await first.state.keys.set({ 'pre-key': preKeys })

  assert.ok(requests.length <= 40, `${requests.length} requests`)
  const second = await open({ store, device, epoch: 2 })
  const found = await second.state.keys.get('pre-key', Object.keys(preKeys))
  assert.equal(Object.keys(found).length, FIRST_LOGIN_PRE_KEYS)
  assert.deepEqual(found['812']?.private, Buffer.from(preKeys['812']?.private ?? []))
})

test('every pack stays far below the limit of an item', async () => {
  const device = newDevice()
  const { state } = await open({ store, device })
  await state.keys.set({ 'pre-key': preKeys })

  const { rows } = await store.query('AuthState', { partition: device })

  assert.ok(Math.max(...rows.map(({ value }) => value?.length ?? 0)) < 20_000)
})

test('a reconnect takes one fencing read each of data keys and creds, and one request for each save', async () => {
  const device = newDevice()
  const first = await open({ store, device, epoch: 1 })
  await first.saveCreds()
  await first.state.keys.set({ 'pre-key': preKeys, 'device-list': { '15550100100': ['1'] } })
  const { requests, store: noted } = noting(store)

  const second = await open({ store: noted, device, epoch: 2 })
  second.state.creds.accountSyncCounter = 1
  await second.saveCreds()
  await second.state.keys.set({ 'device-list': { '15550100100': ['1'] } })
  second.state.creds.accountSyncCounter = 2
  await second.saveCreds()

  assert.deepEqual(requests, [
    `update ${CREDENTIALS_ID}/data-key`,
    `update ${CREDENTIALS_ID}/creds`,
    `put ${CREDENTIALS_ID}/creds`,
    `put ${CREDENTIALS_ID}/device-list/15550100100`,
    `put ${CREDENTIALS_ID}/creds`,
  ])
})

test('using up a pre-key takes one read of its pack and one write', async () => {
  const device = newDevice()
  const first = await open({ store, device, epoch: 1 })
  await first.state.keys.set({ 'pre-key': preKeys })
  const { requests, store: noted } = noting(store)
  const second = await open({ store: noted, device, epoch: 2 })
  requests.length = 0

  await second.state.keys.get('pre-key', ['51'])
  await second.state.keys.set({ 'pre-key': { '51': null } })

  assert.deepEqual(requests, [
    `update ${CREDENTIALS_ID}/pre-key/pack-1`,
    `put ${CREDENTIALS_ID}/pre-key/pack-1`,
  ])
})
