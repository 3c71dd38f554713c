import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type AuthenticationCreds, initAuthCreds } from '@whiskeysockets/baileys'
import { epoch } from '../../../core/ids.ts'
import { writeAuth } from '../../../core/protocol/auth-writes.ts'
import type { Store } from '../../../core/store/store.ts'
import { deserialise, serialise } from '../../../hosts/auth-state/serialise.ts'
import {
  breakable,
  CREDENTIALS_ID,
  holding,
  impatientClock,
  newDevice,
  noting,
  open,
  startStore,
  stoppedClock,
  wrapping,
} from './fixtures.ts'
import { unsealed } from './unsealed.ts'

const CREDS_KEY = `${CREDENTIALS_ID}/creds`

let store: Store
let close: () => Promise<void>
before(async () => {
  ;({ store, close } = await startStore())
})
after(() => close())

/** The creds as they are stored. */
async function stored(device: ReturnType<typeof newDevice>): Promise<AuthenticationCreds> {
  return deserialise((await unsealed(store, device, CREDS_KEY, wrapping)) ?? 'null') as AuthenticationCreds
}

describe('credentials', () => {
  test('are fresh for a device that never had any', async () => {
    const { state } = await open({ store, everPaired: false })

    assert.equal(state.creds.registered, false)
    assert.equal(state.creds.me, undefined)
    assert.equal(state.creds.noiseKey.private.length, 32)
  })

  test('are the saved ones, whole, under every later epoch', async () => {
    const device = newDevice()
    const first = await open({ store, device, epoch: 1 })
    first.state.creds.me = { id: '15550100100:1@s.whatsapp.net', name: 'Ada' }
    first.state.creds.account = { details: Buffer.from('details') }
    first.state.creds.routingInfo = Buffer.from([1, 2, 3])
    await first.saveCreds()

    const second = await open({ store, device, epoch: 2, everPaired: true })

    assert.equal(serialise(second.state.creds), serialise(first.state.creds))
    assert.ok(Buffer.isBuffer(second.state.creds.signedPreKey.keyPair.private))
  })

  test('of another credentialsId are left as they are', async () => {
    const device = newDevice()
    const first = await open({ store, device, epoch: 1 })
    await first.saveCreds()

    const second = await open({ store, device, epoch: 2, credentialsId: 'credentials-2' })
    await second.saveCreds()

    assert.equal(serialise(await stored(device)), serialise(first.state.creds))
  })

  test('are never replaced by fresh ones when they are missing and the device was paired', async () => {
    await assert.rejects(open({ store, everPaired: true }), { code: 'CREDENTIALS_UNREADABLE' })
  })

  test('are never replaced by fresh ones when the store fails', async () => {
    const { breaker, store: failing } = breakable(store)
    breaker.broken = true

    await assert.rejects(open({ store: failing, everPaired: false }), /out of reach/)
  })

  test('are never replaced by fresh ones when they are damaged, and the error shows nothing of them', async () => {
    const device = newDevice()
    await writeAuth(store, device, CREDS_KEY, epoch(1), '{"noiseKey":"c2VjcmV0')

    const refused = await open({ store, device, everPaired: false }).catch((error) => error)

    assert.equal(refused.code, 'CREDENTIALS_UNREADABLE')
    assert.equal(refused.cause, undefined)
    assert.doesNotMatch(`${refused.stack}`, /c2VjcmV0/)
  })

  test('are never replaced by fresh ones when they do not decrypt, paired or not', async () => {
    const device = newDevice()
    const first = await open({ store, device, epoch: 1 })
    await first.saveCreds()
    const item = await store.get('AuthState', { deviceId: device, key: CREDS_KEY })
    const changed = (item?.value ?? '').replace(/.{8}$/, 'AAAAAAAA')
    await writeAuth(store, device, CREDS_KEY, epoch(1), changed)

    for (const everPaired of [true, false]) {
      const refused = await open({ store, device, epoch: 2, everPaired }).catch((error) => error)

      assert.equal(refused.code, 'CREDENTIALS_UNREADABLE')
      assert.match(refused.message, /does not decrypt/)
    }
    assert.equal((await store.get('AuthState', { deviceId: device, key: CREDS_KEY }))?.value, changed)
  })

  test('are never replaced by fresh ones when they are not whole', async () => {
    const device = newDevice()
    await writeAuth(
      store,
      device,
      CREDS_KEY,
      epoch(1),
      serialise({ ...initAuthCreds(), noiseKey: undefined }),
    )

    await assert.rejects(open({ store, device }), { code: 'CREDENTIALS_UNREADABLE' })
  })

  test('of an unfinished pairing are kept as well: the auth state does not decide what becomes of them', async () => {
    const device = newDevice()
    const first = await open({ store, device, epoch: 1 })
    first.state.creds.me = { id: '15550100100@s.whatsapp.net', name: '~' }
    first.state.creds.pairingCode = 'ABCD1234'
    await first.saveCreds()

    const second = await open({ store, device, epoch: 2, everPaired: false })

    assert.equal(serialise(second.state.creds), serialise(first.state.creds))
  })
})

describe('saving credentials', () => {
  test('stores the creds as they are when the save starts, changes in place included', async () => {
    const device = newDevice()
    const { state, saveCreds } = await open({ store, device })
    const save = saveCreds()
    state.creds.accountSyncCounter = 9

    await save

    assert.equal((await stored(device)).accountSyncCounter, 9)
  })

  test('happens in the order of the calls, and the last state wins', async () => {
    const device = newDevice()
    const held = holding(store)
    const { state, saveCreds } = await open({ store: held.store, device })
    held.hold()
    state.creds.accountSyncCounter = 1
    const first = saveCreds()
    await turnOfTheLoop()
    state.creds.accountSyncCounter = 2
    const second = saveCreds()

    held.release()
    await Promise.all([first, second])

    assert.equal((await stored(device)).accountSyncCounter, 2)
  })

  test('takes one more write when it is called many times while a save is under way', async () => {
    const held = holding(store)
    const { requests, store: noted } = noting(held.store)
    const { state, saveCreds } = await open({ store: noted })
    requests.length = 0
    held.hold()
    const first = saveCreds()
    await turnOfTheLoop()
    state.creds.accountSyncCounter = 1
    const second = saveCreds()
    await turnOfTheLoop()
    const third = saveCreds()

    held.release()
    await Promise.all([first, second, third])

    assert.deepEqual(requests, [`put ${CREDS_KEY}`, `put ${CREDS_KEY}`])
  })

  test('is tried again while the store is out of reach', async () => {
    const device = newDevice()
    const { breaker, store: failing } = breakable(store)
    const { state, saveCreds } = await open({ store: failing, device })
    breaker.broken = true
    state.creds.accountSyncCounter = 3
    const save = saveCreds()
    await turnOfTheLoop()
    breaker.broken = false

    await save

    assert.equal((await stored(device)).accountSyncCounter, 3)
  })

  test('is given up after as many tries as a lease lasts', async () => {
    const { breaker, store: failing } = breakable(store)
    const { waits, clock } = impatientClock()
    const { saveCreds } = await open({ store: failing, clock })
    breaker.broken = true

    await assert.rejects(saveCreds(), /out of reach/)

    assert.equal(waits.length, 19)
    assert.deepEqual([...new Set(waits)], [500])
  })

  test('ends with the lease', async () => {
    const lease = { valid: true }
    const { waits, clock } = impatientClock()
    const { saveCreds } = await open({ store, clock, mayWrite: () => lease.valid })
    lease.valid = false

    await assert.rejects(saveCreds(), { code: 'LEASE_OVER' })

    assert.deepEqual(waits, [])
  })

  test('ends when the auth state is closed, even between two tries', async () => {
    const { breaker, store: failing } = breakable(store)
    const { saveCreds, close: closeState } = await open({ store: failing, clock: stoppedClock })
    breaker.broken = true
    const save = saveCreds()
    save.catch(() => undefined)
    await turnOfTheLoop()

    closeState()

    await assert.rejects(save, { code: 'AUTH_STATE_CLOSED' })
  })
})

describe('settled', () => {
  test('waits for the saves and the key writes under way', async () => {
    const device = newDevice()
    const held = holding(store)
    const { state, saveCreds, settled } = await open({ store: held.store, device })
    held.hold()
    state.creds.accountSyncCounter = 5
    void saveCreds()
    void state.keys.set({ 'lid-mapping': { a: '1' } })
    let hasSettled = false
    const waiting = settled().then(() => {
      hasSettled = true
    })
    await turnOfTheLoop()
    assert.equal(hasSettled, false)

    held.release()
    await waiting

    assert.equal((await stored(device)).accountSyncCounter, 5)
    const mapping = `${CREDENTIALS_ID}/lid-mapping/a`
    assert.equal(await unsealed(store, device, mapping, wrapping), '"1"')
  })

  test('resolves at once when nothing is under way, and does not reject when a write did', async () => {
    const { breaker, store: failing } = breakable(store)
    const { state, settled } = await open({ store: failing })
    breaker.broken = true
    const failed = Promise.resolve(state.keys.set({ 'lid-mapping': { a: '1' } }))
    failed.catch(() => undefined)

    await settled()

    await assert.rejects(failed, /out of reach/)
  })
})

function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20))
}
