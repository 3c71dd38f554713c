import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../../../core/clock.ts'
import { type DeviceId, epoch } from '../../../core/ids.ts'
import { fenceAndRead, writeAuth } from '../../../core/protocol/auth-writes.ts'
import { credsKey, dataKeysKey } from '../../../core/store/auth-item-row.ts'
import type { Store } from '../../../core/store/store.ts'
import { kmsWrapping } from '../../../hosts/auth-state/keys/kms-wrapping.ts'
import {
  CREDENTIALS_ID,
  newDevice,
  newWrappingKey,
  noting,
  open,
  recordingTelemetry,
  startStore,
  watched,
  wrapping,
  wrappingBy,
} from './fixtures.ts'
import { startKmsStandIn } from './keys/kms-stand-in.ts'
import { dataKeysOf } from './unsealed.ts'

const DATA_KEY = dataKeysKey(CREDENTIALS_ID)
const CREDS = credsKey(CREDENTIALS_ID)
const YEAR_MS = 366 * 86_400_000
const UNREADABLE = { code: 'CREDENTIALS_UNREADABLE' }

let store: Store
let close: () => Promise<void>
before(async () => {
  ;({ store, close } = await startStore())
})
after(() => close())

/** A device with credentials, a Signal key, and one data key. */
async function paired(by = wrapping): Promise<DeviceId> {
  const device = newDevice()
  const first = await open({ store, device, epoch: 1, wrapping: by })
  first.state.creds.accountSyncCounter = 77
  await first.saveCreds()
  await first.state.keys.set({ session: { a: Buffer.from('the session') } })
  return device
}

async function storedUnder(device: DeviceId, key: string): Promise<string | undefined> {
  return (await store.get('AuthState', { deviceId: device, key }))?.value
}

/** The number of the data key that an item is sealed with. */
async function sealedBy(device: DeviceId, key: string): Promise<string | undefined> {
  return (await storedUnder(device, key))?.split('.')[1]
}

describe('the data key of a device', () => {
  test('is made with the first credentials, and then read by one request at each connect', async () => {
    const device = await paired()
    const stored = await storedUnder(device, DATA_KEY)
    const { requests, store: noted } = noting(store)

    const { state } = await open({ store: noted, device, epoch: 2, everPaired: true })

    assert.equal(state.creds.accountSyncCounter, 77)
    assert.deepEqual(requests, [`update ${DATA_KEY}`, `update ${CREDS}`])
    assert.equal(await storedUnder(device, DATA_KEY), stored)
  })

  test('differs for other credentials of the same device, and is nowhere stored unwrapped', async () => {
    const device = await paired()
    await open({ store, device, epoch: 2, credentialsId: 'credentials-2' })

    const [one] = await dataKeysOf(store, device, CREDENTIALS_ID, wrapping)
    const [other] = await dataKeysOf(store, device, 'credentials-2', wrapping)

    assert.notDeepEqual(one?.plain, other?.plain)
    const { rows } = await store.query('AuthState', { partition: device })
    assert.ok(!JSON.stringify(rows).includes(one?.plain.toString('base64') ?? ''))
  })

  test('is made once when two sockets try at once: the older one is refused, and nothing is lost', async () => {
    const device = newDevice()
    const arrived = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    const slow = watched(store, (request) => {
      if (request !== `put ${DATA_KEY}`) return
      arrived.resolve()
      return gate.promise
    })
    const older = open({ store: slow, device, epoch: 1 })
    older.catch(() => undefined)
    await arrived.promise
    const newer = await open({ store, device, epoch: 2 })
    await newer.saveCreds()

    gate.resolve()
    await assert.rejects(older, { code: 'STALE_EPOCH' })

    const next = await open({ store, device, epoch: 3, everPaired: true })
    assert.equal(next.state.creds.registrationId, newer.state.creds.registrationId)
  })

  test('is taken over by the newer socket when the older one has written it first', async () => {
    const device = newDevice()
    const older = await open({ store, device, epoch: 1 })
    await older.saveCreds()

    const newer = await open({ store, device, epoch: 2, everPaired: true })
    await newer.state.keys.set({ session: { a: Buffer.from('the session') } })

    const next = await open({ store, device, epoch: 3, everPaired: true })
    assert.deepEqual(await next.state.keys.get('session', ['a']), { a: Buffer.from('the session') })
  })

  test('is used when its write was applied and only the answer was lost', async () => {
    const device = newDevice()
    let repeated = false
    const stuttering: Store = {
      ...store,
      async put(table, row, conditions) {
        // what the SDK does: it sends the same request again, and the condition refuses the second
        if (!repeated) await store.put(table, row, conditions)
        repeated = true
        return store.put(table, row, conditions)
      },
    }
    const first = await open({ store: stuttering, device, epoch: 1 })
    await first.saveCreds()

    const second = await open({ store, device, epoch: 2, everPaired: true })
    assert.equal(second.state.creds.registrationId, first.state.creds.registrationId)
  })

  test('shuts out an older socket, as every item does', async () => {
    const device = await paired()
    await open({ store, device, epoch: 3 })

    await assert.rejects(fenceAndRead(store, device, DATA_KEY, epoch(2)), { code: 'STALE_EPOCH' })
  })
})

describe('a data key that cannot be opened', () => {
  test('because its item is gone is never replaced by a new one: the sealed items would be lost', async () => {
    const device = await paired()
    await store.remove('AuthState', { deviceId: device, key: DATA_KEY })

    await assert.rejects(open({ store, device, epoch: 2, everPaired: true }), UNREADABLE)
    await assert.rejects(open({ store, device, epoch: 3, everPaired: false }), UNREADABLE)

    assert.equal(await storedUnder(device, DATA_KEY), undefined)
  })

  test('because its item is damaged, or of another device, is an error that shows nothing of the item', async () => {
    const device = await paired()
    const other = await paired()
    for (const stored of ['{"version":1,"keys":[{"wrap', await storedUnder(other, DATA_KEY)]) {
      await writeAuth(store, device, DATA_KEY, epoch(1), stored ?? '')

      const refused = await open({ store, device, epoch: 1, everPaired: true }).catch((error) => error)

      assert.equal(refused.code, 'CREDENTIALS_UNREADABLE')
      assert.doesNotMatch(refused.message, /wrap"|"keys"/)
    }
  })

  test('because the wrapping key is lost comes back, with the credentials, when the wrapping key does', async () => {
    const key = newWrappingKey()
    const device = await paired(wrappingBy([key]))
    const keys = [newWrappingKey()]
    const before = await storedUnder(device, CREDS)

    for (const everPaired of [true, false]) {
      const lost = open({ store, device, epoch: 2, everPaired, wrapping: wrappingBy(keys) })
      await assert.rejects(lost, (error: Error) => {
        assert.match(error.message, /its data key cannot be opened: it was wrapped by key-[0-9a-f]{16}/)
        return true
      })
    }
    assert.equal(await storedUnder(device, CREDS), before)

    keys.push(key)
    const found = await open({ store, device, epoch: 3, everPaired: true, wrapping: wrappingBy(keys) })
    assert.equal(found.state.creds.accountSyncCounter, 77)
  })

  test('because KMS does not answer is an error that changes nothing and passes with KMS', async (context) => {
    const kms = await startKmsStandIn()
    context.after(() => kms.close())
    const by = kmsWrapping(kms.client, kms.createKey())
    const device = await paired(by)
    kms.failWith('KMSInternalException')

    await assert.rejects(open({ store, device, epoch: 2, everPaired: true, wrapping: by }), {
      ...UNREADABLE,
      message: /KMS answers KMSInternalException/,
    })
    await assert.rejects(open({ store, epoch: 1, wrapping: by }), {
      code: 'DATA_KEY_UNAVAILABLE',
      message: /KMS answers KMSInternalException/,
    })

    kms.failWith(undefined)
    const found = await open({ store, device, epoch: 3, everPaired: true, wrapping: by })
    assert.equal(found.state.creds.accountSyncCounter, 77)
  })
})

describe('rotation', () => {
  test('of the wrapping key wraps the data key again at the next connect, and every item still opens', async () => {
    const [older, newer] = [newWrappingKey(), newWrappingKey()]
    const device = await paired(wrappingBy([older]))
    const [before] = await dataKeysOf(store, device, CREDENTIALS_ID, wrappingBy([older]))

    await open({ store, device, epoch: 2, everPaired: true, wrapping: wrappingBy([newer, older]) })

    const without = { store, device, everPaired: true, wrapping: wrappingBy([newer]) }
    const { state } = await open({ ...without, epoch: 3 })
    assert.equal(state.creds.accountSyncCounter, 77)
    assert.deepEqual(await state.keys.get('session', ['a']), { a: Buffer.from('the session') })
    const [after] = await dataKeysOf(store, device, CREDENTIALS_ID, without.wrapping)
    assert.deepEqual(after?.plain, before?.plain)
    assert.notEqual(after?.by, before?.by)
  })

  test('of the KMS key works the same way', async (context) => {
    const kms = await startKmsStandIn()
    context.after(() => kms.close())
    const device = await paired(kmsWrapping(kms.client, kms.createKey()))
    const newer = kms.createKey()

    await open({ store, device, epoch: 2, everPaired: true, wrapping: kmsWrapping(kms.client, newer) })
    kms.requests.length = 0
    await open({ store, device, epoch: 3, everPaired: true, wrapping: kmsWrapping(kms.client, newer) })

    assert.deepEqual(
      kms.requests.map(({ operation, body }) => [operation, body.KeyId]),
      [['Decrypt', newer]],
    )
  })

  test('of the data key adds one, and items move to it as they are written', async () => {
    const device = await paired()
    const later = { ...systemClock, wallMs: () => Date.now() + YEAR_MS }

    const { state, saveCreds } = await open({ store, device, epoch: 2, everPaired: true, clock: later })
    await saveCreds()

    assert.equal(await sealedBy(device, CREDS), '2')
    assert.equal(await sealedBy(device, `${CREDENTIALS_ID}/session/a`), '1')
    assert.deepEqual(await state.keys.get('session', ['a']), { a: Buffer.from('the session') })
    await state.keys.set({ session: { a: Buffer.from('the session') } })
    assert.equal(await sealedBy(device, `${CREDENTIALS_ID}/session/a`), '2')
    assert.equal((await dataKeysOf(store, device, CREDENTIALS_ID, wrapping)).length, 2)
  })

  test('that fails is told, and the device keeps the keys that it has', async () => {
    const key = newWrappingKey()
    const device = await paired(wrappingBy([key]))
    const { events, telemetry } = recordingTelemetry()
    const broken = {
      ...wrappingBy([newWrappingKey(), key]),
      wrap: () => Promise.reject(new Error('KMS answers AccessDeniedException')),
    }

    const opened = await open({ store, device, epoch: 2, everPaired: true, wrapping: broken, telemetry })

    assert.equal(opened.state.creds.accountSyncCounter, 77)
    assert.deepEqual(
      events.map(({ event }) => event),
      ['device.data_keys_unchanged'],
    )
  })
})
