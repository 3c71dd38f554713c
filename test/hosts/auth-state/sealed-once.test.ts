/** An attacker who can write the table but has no key gains nothing: an item that is not sealed is never
 *  read. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { initAuthCreds } from '@whiskeysockets/baileys'
import { systemClock } from '../../../core/clock.ts'
import { type DeviceId, epoch } from '../../../core/ids.ts'
import { tombstone, writeAuth } from '../../../core/protocol/auth-writes.ts'
import { credsKey, dataKeysKey, inboxKey } from '../../../core/store/auth-item-row.ts'
import type { Store } from '../../../core/store/store.ts'
import type { OpenAuthState } from '../../../hosts/auth-state/auth-state.ts'
import { serialise } from '../../../hosts/auth-state/serialise.ts'
import { readWholeState } from '../../../hosts/auth-state/whole-state.ts'
import {
  CREDENTIALS_ID,
  newDevice,
  noting,
  open,
  recordingTelemetry,
  startStore,
  wrapping,
} from './fixtures.ts'

const CREDS = credsKey(CREDENTIALS_ID)
const DATA_KEY = dataKeysKey(CREDENTIALS_ID)
const UNREADABLE = { code: 'CREDENTIALS_UNREADABLE' }
/** Whole creds that belong to no account. */
const PLAIN_CREDS = serialise({ ...initAuthCreds(), accountSyncCounter: 666 })
const PAIR = { public: Buffer.alloc(32, 1), private: Buffer.alloc(32, 2) }

let store: Store
let close: () => Promise<void>
before(async () => {
  ;({ store, close } = await startStore())
})
after(() => close())

/** A device with a sealed item under every kind of key that a test reads. */
async function sealed(): Promise<DeviceId> {
  const device = newDevice()
  const { state, saveCreds } = await open({ store, device })
  await saveCreds()
  await state.keys.set({
    session: { a: Buffer.from('the session') },
    'pre-key': { '1': PAIR },
    'lid-mapping': { '15550100101': '1' },
    'sender-key': { a: Buffer.from('the sender key') },
    'device-list': { '15550100101': ['0'] },
  })
  return device
}

function overwrite(device: DeviceId, key: string, value: string): Promise<void> {
  return writeAuth(store, device, key, epoch(1), value)
}

async function itemsOf(device: DeviceId): Promise<string> {
  const { rows } = await store.query('AuthState', { partition: device })
  return JSON.stringify(rows.map(({ key, value }) => [key, value]))
}

const READS: readonly [string, string, (opened: OpenAuthState) => Promise<unknown>][] = [
  ['session/a', '"AAAA"', async ({ state }) => state.keys.get('session', ['a'])],
  ['pre-key/pack-0', '{}', async ({ state }) => state.keys.get('pre-key', ['1'])],
  ['lid-mapping/15550100101', '"2"', async ({ state }) => state.keys.get('lid-mapping', ['15550100101'])],
  ['sender-key/a', '"AAAA"', async ({ state }) => state.keys.get('sender-key', ['a'])],
  ['device-list/15550100101', '["7"]', async ({ state }) => state.keys.get('device-list', ['15550100101'])],
  ['session/a', '', async ({ state }) => state.keys.get('session', ['a'])],
  ['session/a', ' v1.1.p.AAAA', async ({ state }) => state.keys.get('session', ['a'])],
  [inboxKey('').slice(1), '{"kept":[],"taken":[]}', ({ inbox }) => inbox.find('hash')],
]

describe('an item that is written in plain over a sealed one', () => {
  for (const [item, plain, read] of READS) {
    test(`is an error for ${item} (${JSON.stringify(plain)}), told once, and left as it is`, async () => {
      const device = await sealed()
      await overwrite(device, `${CREDENTIALS_ID}/${item}`, plain)
      const { events, telemetry } = recordingTelemetry()
      const opened = await open({ store, device, epoch: 2, everPaired: true, telemetry })

      await assert.rejects(read(opened), { code: 'AUTH_ITEM_UNREADABLE', message: /is not sealed/ })
      await assert.rejects(read(opened), { code: 'AUTH_ITEM_UNREADABLE' })

      const told = events.filter(({ event }) => event === 'device.auth_item_unreadable')
      assert.equal(told.length, 1)
      const stored = await store.get('AuthState', { deviceId: device, key: `${CREDENTIALS_ID}/${item}` })
      assert.equal(stored?.value, plain)
    })
  }

  for (const everPaired of [true, false]) {
    test(`connects nothing when it is the creds, ${everPaired ? 'paired' : 'not paired yet'}`, async () => {
      const device = await sealed()
      await overwrite(device, CREDS, PLAIN_CREDS)
      const before = await itemsOf(device)

      await assert.rejects(open({ store, device, epoch: 2, everPaired }), {
        ...UNREADABLE,
        message: /its credentials are not sealed/,
      })

      assert.equal(await itemsOf(device), before)
    })
  }

  test('is not exported either', async () => {
    const [creds, session] = [await sealed(), await sealed()]
    await overwrite(creds, CREDS, PLAIN_CREDS)
    await overwrite(session, `${CREDENTIALS_ID}/session/a`, '"AAAA"')
    const place = { credentialsId: CREDENTIALS_ID }

    await assert.rejects(readWholeState({ store, wrapping }, { device: creds, ...place }), UNREADABLE)
    await assert.rejects(readWholeState({ store, wrapping }, { device: session, ...place }), {
      code: 'AUTH_ITEM_UNREADABLE',
    })
  })
})

const WITHOUT_DATA_KEY: readonly [string, (device: DeviceId) => Promise<unknown>][] = [
  ['removed', (device) => store.remove('AuthState', { deviceId: device, key: DATA_KEY })],
  ['buried', (device) => tombstone(store, device, DATA_KEY, epoch(1), systemClock.wallMs() / 1000 + 60)],
  ['emptied', (device) => overwrite(device, DATA_KEY, '')],
  ['without keys', (device) => overwrite(device, DATA_KEY, '{"version":1,"keys":[]}')],
  ['an object', (device) => overwrite(device, DATA_KEY, '{}')],
]

describe('a data key that is', () => {
  for (const [what, change] of WITHOUT_DATA_KEY) {
    for (const creds of ['sealed', 'plain']) {
      test(`${what}, beside ${creds} creds, leads neither to fresh ones nor to a new key`, async () => {
        const device = await sealed()
        if (creds === 'plain') await overwrite(device, CREDS, PLAIN_CREDS)
        await change(device)
        const before = await itemsOf(device)

        for (const everPaired of [true, false]) {
          await assert.rejects(open({ store, device, epoch: 2, everPaired }), UNREADABLE)
        }

        const after = await itemsOf(device)
        // The fencing read puts an empty item where there was none.
        assert.equal(after.replace(`["${DATA_KEY}",null],`, ''), before.replace(`["${DATA_KEY}",null],`, ''))
      })
    }
  }
})

test('plain credentials are not read even if the device never had others', async () => {
  const device = newDevice()
  await overwrite(device, CREDS, PLAIN_CREDS)

  await assert.rejects(open({ store, device, everPaired: true }), UNREADABLE)
  await assert.rejects(open({ store, device, everPaired: false }), UNREADABLE)
})

test('the check that everything is sealed takes no request: a connect makes the same two', async () => {
  const device = await sealed()
  const { requests, store: noted } = noting(store)

  await open({ store: noted, device, epoch: 2, everPaired: true })

  assert.deepEqual(requests, [`update ${DATA_KEY}`, `update ${CREDS}`])
})
