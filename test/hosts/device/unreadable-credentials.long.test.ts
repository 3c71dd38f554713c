/** Lost credentials mean a walk to a phone. When reading them fails, for any reason, a paired device waits
 *  for them and never gets fresh ones. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { initAuthCreds } from '@whiskeysockets/baileys'
import { systemClock } from '../../../core/clock.ts'
import { type DeviceId, deviceId } from '../../../core/ids.ts'
import { erase, logout, requestDeletion, start, stop } from '../../../core/requests/device-requests.ts'
import type { AuthItem } from '../../../core/store/auth-item-row.ts'
import { credsKey, dataKeysKey } from '../../../core/store/auth-item-row.ts'
import type { Store } from '../../../core/store/store.ts'
import { kmsWrapping } from '../../../hosts/auth-state/keys/kms-wrapping.ts'
import { serialise } from '../../../hosts/auth-state/serialise.ts'
import type { RunningServer } from '../../../hosts/server/server.ts'
import { breakable } from '../auth-state/fixtures.ts'
import { type KmsStandIn, startKmsStandIn } from '../auth-state/keys/kms-stand-in.ts'
import { type Harbour, startHarbour } from '../server/server-under-test.ts'

let harbour: Harbour
let server: RunningServer
let kms: KmsStandIn
before(async () => {
  harbour = await startHarbour()
  server = harbour.startServer('server')
  kms = await startKmsStandIn()
})
after(async () => {
  await harbour.close()
  await kms.close()
})

const connected = (device: DeviceId) =>
  harbour.rowWhen('connected', device, ({ status }) => status === 'connected')

async function linked(id: string, by = server): Promise<DeviceId> {
  const device = deviceId(id)
  await harbour.register(device)
  await harbour.give(device, by)
  const row = await harbour.rowWhen('a QR', device, ({ pairing }) => pairing?.qr !== undefined)
  await harbour.simulator.scanQr(row.pairing?.qr ?? '')
  await connected(device)
  return device
}

async function stopped(device: DeviceId, by = server): Promise<void> {
  await stop(harbour.store, systemClock, device, 'by the test')
  by.ring()
  await harbour.rowWhen('released', device, ({ owner }) => owner === undefined)
}

async function started(device: DeviceId, by = server): Promise<void> {
  await start(harbour.store, systemClock, device)
  await harbour.give(device, by)
}

async function itemOf(device: DeviceId, keyOf = credsKey): Promise<AuthItem> {
  const { credentialsId } = await harbour.row(device)
  const item = await harbour.store.get('AuthState', { deviceId: device, key: keyOf(credentialsId) })
  assert.ok(item?.value)
  return item
}

function keyOfItem({ deviceId: device, key }: AuthItem) {
  return { deviceId: device, key }
}

/** The device says why, keeps its server, its credentials and its account, shows no QR, and is tried
 *  again. */
async function assertWaits(device: DeviceId, why: RegExp): Promise<void> {
  const before = await harbour.row(device)
  const row = await harbour.rowWhen('disconnected', device, ({ status }) => status === 'disconnected')
  assert.match(row.statusReason ?? '', why)
  const later = await harbour.rowWhen('tried again', device, ({ epoch, status, statusReason }) => {
    return epoch > row.epoch && status === 'disconnected' && statusReason !== undefined
  })
  assert.equal(later.desired, 'running')
  assert.equal(later.owner, before.owner)
  assert.equal(later.credentialsId, before.credentialsId)
  assert.deepEqual(later.account, before.account)
  assert.ok(later.pairedAt)
  assert.equal(later.pairing, undefined)
}

const DAMAGES: Record<string, { spoil(item: AuthItem): AuthItem | undefined; why: RegExp }> = {
  gone: { spoil: () => undefined, why: /its credentials cannot be read: .* its credentials are missing/ },
  empty: { spoil: ({ value: _, ...rest }) => rest, why: /its credentials cannot be read: .* are missing/ },
  'cut short': {
    spoil: (item) => ({ ...item, value: item.value?.slice(0, 200) ?? '' }),
    why: /its credentials cannot be read: .* does not decrypt/,
  },
  'plain and damaged': {
    spoil: (item) => ({ ...item, value: '{"noiseKey":{"pri' }),
    why: /its credentials cannot be read: .* not sealed/,
  },
  'plain and not whole': {
    spoil: (item) => ({ ...item, value: serialise({ ...initAuthCreds(), signedIdentityKey: undefined }) }),
    why: /its credentials cannot be read: .* not sealed/,
  },
  'plain and another one': {
    spoil: (item) => ({ ...item, value: serialise(initAuthCreds()) }),
    why: /its credentials cannot be read: .* not sealed/,
  },
}

describe('a device that was paired and whose credentials are', () => {
  for (const [damage, { spoil, why }] of Object.entries(DAMAGES)) {
    test(`${damage} waits, says so, and connects with the old ones when they are back`, async () => {
      const device = await linked(damage.replaceAll(' ', '-'))
      const { account } = await harbour.row(device)
      await stopped(device)
      const item = await itemOf(device)
      const spoilt = spoil(item)
      if (spoilt) await harbour.store.put('AuthState', spoilt)
      else await harbour.store.remove('AuthState', keyOfItem(item))

      await started(device)
      await assertWaits(device, why)

      const { epoch } = await harbour.row(device)
      await harbour.store.put('AuthState', { ...item, epoch })
      assert.deepEqual((await connected(device)).account, account)
    })
  }
})

test('a device whose data key is lost waits, and connects when it is back', async () => {
  const device = await linked('without-data-key')
  await stopped(device)
  const item = await itemOf(device, dataKeysKey)
  await harbour.store.remove('AuthState', keyOfItem(item))

  await started(device)
  await assertWaits(device, /its credentials cannot be read: .* sealed by data key 1, which is missing/)

  await harbour.store.put('AuthState', { ...item, epoch: (await harbour.row(device)).epoch })
  await connected(device)
})

test('a device whose key is in KMS waits while KMS does not answer, paired or not, and then connects', async () => {
  const wrapping = kmsWrapping(kms.client, kms.createKey())
  const byKms = harbour.startServer('by-kms', { wrapping })
  const device = await linked('kms-paired', byKms)
  await stopped(device, byKms)
  kms.failWith('ThrottlingException')
  await started(device, byKms)
  await assertWaits(device, /its credentials cannot be read: .* KMS answers ThrottlingException/)
  const fresh = deviceId('kms-fresh')
  await harbour.register(fresh)
  await harbour.give(fresh, byKms)
  const row = await harbour.rowWhen('disconnected', fresh, ({ status }) => status === 'disconnected')
  assert.match(row.statusReason ?? '', /DATA_KEY_UNAVAILABLE: .* cannot get a data key: KMS answers/)

  kms.failWith(undefined)

  await connected(device)
  await harbour.rowWhen('a QR', fresh, ({ pairing }) => pairing?.qr !== undefined)
})

test('a device whose items the store does not give waits, says so, and connects when it does', async () => {
  const { breaker, store } = breakableAuthState(harbour.store)
  const cutOff = harbour.startServer('cut-off', { store })
  const device = await linked('store-failing', cutOff)
  await stopped(device, cutOff)
  breaker.broken = true

  await started(device, cutOff)
  await assertWaits(device, /its credentials cannot be read at the moment: the store is out of reach/)

  breaker.broken = false
  await connected(device)
})

describe('credentials', () => {
  test('are archived on a logout: they stay under their name, sealed, and the next pairing has others', async () => {
    const device = await linked('logged-out')
    const before = await harbour.row(device)
    const item = await itemOf(device)

    await logout(harbour.store, systemClock, device, 'unused-by-an-owner')
    server.ring()
    const row = await harbour.rowWhen('logged out', device, ({ status }) => status === 'logged_out')

    assert.notEqual(row.credentialsId, before.credentialsId)
    const archived = await harbour.store.get('AuthState', keyOfItem(item))
    assert.match(archived?.value ?? '', /^v1\.1\./)
    const dataKeys = { deviceId: device, key: dataKeysKey(before.credentialsId) }
    assert.ok((await harbour.store.get('AuthState', dataKeys))?.value, 'and what opens them')
    await started(device)
    await harbour.rowWhen('a QR', device, ({ pairing }) => pairing?.qr !== undefined)
    assert.ok((await harbour.store.get('AuthState', keyOfItem(item)))?.value)
  })

  test('are erased, the archived ones and the data keys included, when the device is deleted', async () => {
    const device = await linked('deleted')
    await logout(harbour.store, systemClock, device, 'unused-by-an-owner')
    server.ring()
    await harbour.rowWhen('logged out', device, ({ status }) => status === 'logged_out')

    await requestDeletion(harbour.store, systemClock, device)
    assert.ok(await erase(harbour.store, device))

    assert.deepEqual((await harbour.store.query('AuthState', { partition: device })).rows, [])
  })
})

/** Only requests on the auth state fail: the device's row can still be written. */
function breakableAuthState(store: Store) {
  const { breaker, store: failing } = breakable(store)
  const pick = (table: string) => (table === 'AuthState' ? failing : store)
  const split: Store = {
    ...store,
    put: (table, row, conditions) => pick(table).put(table, row, conditions),
    update: (table, key, change) => pick(table).update(table, key, change),
  }
  return { breaker, store: split }
}
