import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { epoch } from '../../../../core/ids.ts'
import { writeAuth } from '../../../../core/protocol/auth-writes.ts'
import type { Store } from '../../../../core/store/store.ts'
import { createSealing, isSealed } from '../../../../hosts/auth-state/keys/sealing.ts'
import { CREDENTIALS_ID, newDevice, open, recordingTelemetry, startStore } from '../fixtures.ts'

const UNREADABLE = { code: 'AUTH_ITEM_UNREADABLE' }

let store: Store
let close: () => Promise<void>
before(async () => {
  ;({ store, close } = await startStore())
})
after(() => close())

function sealingOf(device = newDevice(), number = 1, key = randomBytes(32)) {
  return createSealing(device, {
    current: () => ({ number, key }),
    byNumber: (wanted) => (wanted === number ? key : undefined),
  })
}

describe('a sealed text', () => {
  test('opens to the text that was sealed, for any text', () => {
    const sealing = sealingOf()
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 3000 }), (text) => {
        assert.equal(sealing.open('c/session/a', sealing.seal('c/session/a', text)), text)
      }),
    )
  })

  test('shows nothing of the text, and differs each time', () => {
    const sealing = sealingOf()
    const text = `{"private":"${'secret'.repeat(300)}"}`

    const [one, other] = [sealing.seal('c/creds', text), sealing.seal('c/creds', text)]

    assert.notEqual(one, other)
    const stored = Buffer.from(one.split('.').at(-1) ?? '', 'base64')
    assert.ok(!stored.includes('secret'))
    assert.match(one, /^v1\.1\.z\.[A-Za-z0-9+/=]+$/)
    assert.ok(one.length < text.length / 4, 'large and regular: compressed')
  })

  test('is not compressed when that would not help', () => {
    const sealing = sealingOf()

    assert.match(sealing.seal('c/creds', 'short'), /^v1\.1\.p\./)
    assert.match(sealing.seal('c/creds', randomBytes(2000).toString('latin1')), /^v1\.1\.[pz]\./)
  })

  test('does not open under another item, device or key, nor with one bit changed', () => {
    const device = newDevice()
    const key = randomBytes(32)
    const sealing = sealingOf(device, 1, key)
    const sealed = sealing.seal('c/session/a', 'the session')
    const [head, body = ''] = sealed.split(/\.(?=[^.]*$)/)
    const changed = Buffer.from(body, 'base64')
    changed[14] = (changed[14] ?? 0) ^ 1

    const strangers: [ReturnType<typeof sealingOf>, string, string][] = [
      [sealing, 'c/session/b', sealed],
      [sealing, 'd/session/a', sealed],
      [sealingOf(newDevice(), 1, key), 'c/session/a', sealed],
      [sealingOf(device), 'c/session/a', sealed],
      [sealing, 'c/session/a', `${head}.${changed.toString('base64')}`],
      [sealing, 'c/session/a', sealed.replace('v1.1.p', 'v1.1.z')],
      [sealing, 'c/session/a', sealed.slice(0, 20)],
      [sealing, 'c/session/a', 'v1.'],
    ]

    for (const [stranger, item, stored] of strangers) {
      assert.throws(() => stranger.open(item, stored), UNREADABLE, stored)
    }
  })

  test('is refused in other words when a newer Mooring has sealed it, or when its data key is missing', () => {
    const sealing = sealingOf(newDevice(), 3)
    const sealed = sealing.seal('c/creds', '{}')

    assert.throws(() => sealing.open('c/creds', sealed.replace('v1.', 'v2.')), /newer Mooring/)
    assert.throws(
      () => sealing.open('c/creds', sealed.replace('v1.3.', 'v1.2.')),
      /data key 2, which is missing/,
    )
    assert.throws(() => sealing.open('c/creds', sealed.replace('v1.', 'v2.')), {
      code: 'CREDENTIALS_UNREADABLE',
    })
  })
})

describe('the items of a device', () => {
  test('are sealed in the store, every one of them', async () => {
    const device = newDevice()
    const { state, saveCreds } = await open({ store, device })
    await saveCreds()
    await state.keys.set({
      session: { a: Buffer.from('the session') },
      'pre-key': { '1': { public: Buffer.alloc(32, 1), private: Buffer.alloc(32, 2) } },
      'lid-mapping': { '15550100101': '1' },
    })

    const { rows } = await store.query('AuthState', { partition: device })

    const values = rows.filter(({ key }) => !key.endsWith('/data-key')).map(({ value }) => value ?? '')
    assert.equal(values.length, 4)
    assert.deepEqual(
      values.filter((value) => !isSealed(value)),
      [],
    )
  })

  test('fail their readers when they were copied from another device, and do not count as missing', async () => {
    const [robbed, robber] = [newDevice(), newDevice()]
    const victim = await open({ store, device: robbed })
    await victim.state.keys.set({ session: { a: Buffer.from('the session') } })
    const key = `${CREDENTIALS_ID}/session/a`
    const item = await store.get('AuthState', { deviceId: robbed, key })
    await writeAuth(store, robber, key, epoch(1), item?.value ?? '')
    const { events, telemetry } = recordingTelemetry()
    const thief = await open({ store, device: robber, telemetry })

    await assert.rejects(async () => thief.state.keys.get('session', ['a']), UNREADABLE)
    await assert.rejects(async () => thief.state.keys.get('session', ['a']), UNREADABLE)

    const told = events.filter(({ event }) => event === 'device.auth_item_unreadable')
    assert.equal(told.length, 1)
    assert.equal(told[0]?.fields?.kind, 'session')
  })

  test('are left as they are when they do not open, so that they can be repaired', async () => {
    const device = newDevice()
    const key = `${CREDENTIALS_ID}/pre-key/pack-0`
    await writeAuth(store, device, key, epoch(1), 'v1.1.p.damaged')
    const { state } = await open({ store, device, epoch: 2 })
    const pair = { public: Buffer.alloc(32, 1), private: Buffer.alloc(32, 2) }

    await assert.rejects(async () => state.keys.set({ 'pre-key': { '1': pair } }), UNREADABLE)

    assert.equal((await store.get('AuthState', { deviceId: device, key }))?.value, 'v1.1.p.damaged')
  })
})
