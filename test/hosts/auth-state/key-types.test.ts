import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Curve, proto, type SignalDataSet, type SignalDataTypeMap } from '@whiskeysockets/baileys'
import type { Store } from '../../../core/store/store.ts'
import { newDevice, noting, open, startStore } from './fixtures.ts'

let store: Store
let close: () => Promise<void>
before(async () => {
  ;({ store, close } = await startStore())
})
after(() => close())

/** Writes values under one epoch, and reads them under the next. */
async function throughAnEpoch<T extends keyof SignalDataTypeMap>(
  type: T,
  id: string,
  value: SignalDataTypeMap[T],
) {
  const device = newDevice()
  const first = await open({ store, device, epoch: 1 })
  await first.state.keys.set({ [type]: { [id]: value } } as SignalDataSet)
  const second = await open({ store, device, epoch: 2 })
  const found = await second.state.keys.get(type, [id])
  return found[id]
}

describe('a key reaches the next epoch as it was:', () => {
  test('pre-key', async () => {
    const pair = Curve.generateKeyPair()
    const found = await throughAnEpoch('pre-key', '812', pair)
    assert.deepEqual(found, { public: Buffer.from(pair.public), private: Buffer.from(pair.private) })
  })

  test('session, which is a plain object', async () => {
    const session = {
      _sessions: { 'BbQ/+w==': { registrationId: 7, indexInfo: { closed: -1 } } },
      version: 'v1',
    }
    const found = await throughAnEpoch('session', '15550100100:12.0', session as unknown as Uint8Array)
    assert.deepEqual(found, session)
  })

  test('sender-key', async () => {
    const found = await throughAnEpoch('sender-key', '120@g.us::15550100100::0', Buffer.from('[{"id":1}]'))
    assert.deepEqual(found, Buffer.from('[{"id":1}]'))
  })

  test('sender-key-memory', async () => {
    const memory = { '15550100100:1@s.whatsapp.net': true, '15550100101@lid': false }
    assert.deepEqual(await throughAnEpoch('sender-key-memory', '120@g.us', memory), memory)
  })

  test('app-state-sync-key, as the message that Baileys expects', async () => {
    const key = proto.Message.AppStateSyncKeyData.fromObject({
      keyData: Buffer.from('key data'),
      fingerprint: { rawId: 1, currentIndex: 2, deviceIndexes: [0, 1] },
      timestamp: 1_700_000_000_000,
    })
    const found = await throughAnEpoch('app-state-sync-key', 'AAAAACpn', key)
    assert.ok(found instanceof proto.Message.AppStateSyncKeyData)
    assert.deepEqual(
      proto.Message.AppStateSyncKeyData.encode(found).finish(),
      proto.Message.AppStateSyncKeyData.encode(key).finish(),
    )
  })

  test('app-state-sync-version', async () => {
    const version = {
      version: 3,
      hash: Buffer.alloc(128, 7),
      indexValueMap: { '0aGk=': { valueMac: Buffer.from([1]) } },
    }
    assert.deepEqual(await throughAnEpoch('app-state-sync-version', 'critical_block', version), version)
  })

  test('lid-mapping', async () => {
    assert.equal(await throughAnEpoch('lid-mapping', '15550100100', '99001'), '99001')
    assert.equal(await throughAnEpoch('lid-mapping', '99001_reverse', '15550100100'), '15550100100')
  })

  test('device-list', async () => {
    assert.deepEqual(await throughAnEpoch('device-list', '15550100100', ['0', '12']), ['0', '12'])
  })

  test('tctoken', async () => {
    const token = { token: Buffer.from('token'), timestamp: '1700000000', senderTimestamp: 1_700_000_000 }
    assert.deepEqual(await throughAnEpoch('tctoken', '15550100100@s.whatsapp.net', token), token)
  })

  test('identity-key', async () => {
    const key = Curve.generateKeyPair().public
    assert.deepEqual(await throughAnEpoch('identity-key', '15550100100.0', key), Buffer.from(key))
  })

  test('a type that Mooring does not know', async () => {
    const value = { '0': 7, nested: [{ bytes: Buffer.from('abc') }], none: null, text: '' }
    const found = await throughAnEpoch('post-quantum-key' as 'session', 'a/b:c.d', value as never)
    assert.deepEqual(found, value)
  })
})

test('ids that contain the separators of a key name do not collide', async () => {
  const { state } = await open({ store })
  await state.keys.set({ 'device-list': { 'a/b': ['1'], 'a:b': ['2'], 'a.b': ['3'], 'pre-key/1': ['4'] } })

  const found = await state.keys.get('device-list', ['a/b', 'a:b', 'a.b', 'pre-key/1', '1'])

  assert.deepEqual(found, { 'a/b': ['1'], 'a:b': ['2'], 'a.b': ['3'], 'pre-key/1': ['4'] })
})

test('null deletes a key, for this epoch and the next', async () => {
  const device = newDevice()
  const { state } = await open({ store, device, epoch: 1 })
  await state.keys.set({ 'device-list': { a: ['1'], b: ['2'] }, 'lid-mapping': { a: '1' } })

  await state.keys.set({ 'device-list': { a: null }, 'lid-mapping': { a: null } })

  assert.deepEqual(await state.keys.get('device-list', ['a', 'b']), { b: ['2'] })
  const next = await open({ store, device, epoch: 2 })
  assert.deepEqual(await next.state.keys.get('device-list', ['a', 'b']), { b: ['2'] })
  assert.deepEqual(await next.state.keys.get('lid-mapping', ['a']), {})
})

test('a change that Baileys makes to a value it was given does not change the stored value', async () => {
  const { state } = await open({ store })
  await state.keys.set({ 'device-list': { a: ['0'] } })
  const { a } = await state.keys.get('device-list', ['a'])

  a?.push('12')

  assert.deepEqual(await state.keys.get('device-list', ['a']), { a: ['0'] })
})

test('a set writes before it deletes, so that a crash in between leaves too much rather than too little', async () => {
  const { requests, store: watchedStore } = noting(store)
  const { state } = await open({ store: watchedStore })
  requests.length = 0

  await state.keys.set({ session: { old: null, new: Buffer.from('s') }, 'device-list': { a: ['0'] } })

  assert.deepEqual(requests, [
    'put credentials-1/session/new',
    'put credentials-1/device-list/a',
    'put credentials-1/session/old',
  ])
})

test('the last of two sets of the same key at once wins', async () => {
  const device = newDevice()
  const { state } = await open({ store, device, epoch: 1 })

  await Promise.all([
    state.keys.set({ 'lid-mapping': { a: 'first' } }),
    state.keys.set({ 'lid-mapping': { a: 'second' } }),
    state.keys.set({ 'lid-mapping': { a: 'third' } }),
  ])

  assert.deepEqual(await state.keys.get('lid-mapping', ['a']), { a: 'third' })
  const next = await open({ store, device, epoch: 2 })
  assert.deepEqual(await next.state.keys.get('lid-mapping', ['a']), { a: 'third' })
})

describe('pre-keys in packs', () => {
  test('are used up one by one, at the same time', async () => {
    const device = newDevice()
    const pairs = Object.fromEntries(range(1, 120).map((id) => [id, Curve.generateKeyPair()]))
    const { state } = await open({ store, device, epoch: 1 })
    await state.keys.set({ 'pre-key': pairs })

    await Promise.all(range(1, 119).map((id) => state.keys.set({ 'pre-key': { [id]: null } })))

    const next = await open({ store, device, epoch: 2 })
    const left = await next.state.keys.get('pre-key', range(1, 120))
    assert.deepEqual(Object.keys(left), ['120'])
    assert.deepEqual(left['120']?.private, Buffer.from(pairs['120']?.private ?? []))
  })

  test('of an older epoch are not lost when the next epoch adds to their pack', async () => {
    const device = newDevice()
    const first = await open({ store, device, epoch: 1 })
    await first.state.keys.set({ 'pre-key': { '1': Curve.generateKeyPair() } })

    const second = await open({ store, device, epoch: 2 })
    await second.state.keys.set({ 'pre-key': { '2': Curve.generateKeyPair() } })

    const third = await open({ store, device, epoch: 3 })
    assert.deepEqual(Object.keys(await third.state.keys.get('pre-key', ['1', '2'])), ['1', '2'])
  })

  test('leave a tombstone when the last of a pack is used up', async () => {
    const device = newDevice()
    const { state } = await open({ store, device })
    await state.keys.set({ 'pre-key': { '60': Curve.generateKeyPair() } })

    await state.keys.set({ 'pre-key': { '60': null } })

    const item = await store.get('AuthState', { deviceId: device, key: 'credentials-1/pre-key/pack-1' })
    assert.equal(item?.value, undefined)
    assert.ok(item?.expiresAt)
  })

  test('whose id is no number have an item of their own', async () => {
    const pair = Curve.generateKeyPair()
    const found = await throughAnEpoch('pre-key', '007', pair)
    assert.deepEqual(found?.public, Buffer.from(pair.public))
  })
})

function range(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, at) => String(from + at))
}
