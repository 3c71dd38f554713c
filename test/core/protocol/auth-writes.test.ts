import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { dynamoDbStore } from '../../../aws/dynamodb-store.ts'
import { isMooringError } from '../../../core/errors.ts'
import { type DeviceId, deviceId, epoch } from '../../../core/ids.ts'
import { fenceAndRead, tombstone, writeAuth } from '../../../core/protocol/auth-writes.ts'
import type { Store } from '../../../core/store/store.ts'
import { LOCAL_TABLE_PREFIX, type LocalDatabase, startDatabase } from '../../../local/database.ts'

const OLD = epoch(4)
const MINE = epoch(5)
const NEW = epoch(6)
const EXPIRES_AT = 2_000_000_000
const DEVICE = deviceId('device-1')
const STALE = { code: 'STALE_EPOCH' }

let database: LocalDatabase
let store: Store
before(async () => {
  database = await startDatabase()
  store = dynamoDbStore(database.client, LOCAL_TABLE_PREFIX, 10_000)
})
after(() => database.close())

describe('a fencing read', () => {
  test('returns the value and leaves it in place', async () => {
    await writeAuth(store, DEVICE, 'c/creds', OLD, 'value')

    assert.equal(await fenceAndRead(store, DEVICE, 'c/creds', MINE), 'value')

    const item = await store.get('AuthState', { deviceId: DEVICE, key: 'c/creds' })
    assert.deepEqual(item, { deviceId: DEVICE, key: 'c/creds', epoch: MINE, value: 'value' })
  })

  test('of an item that does not exist creates an empty one that shuts out older epochs', async () => {
    assert.equal(await fenceAndRead(store, DEVICE, 'c/session/none', MINE), undefined)

    await assert.rejects(writeAuth(store, DEVICE, 'c/session/none', OLD, 'late'), STALE)
    assert.equal(await fenceAndRead(store, DEVICE, 'c/session/none', MINE), undefined)
  })

  test('of a deleted item shuts out older epochs, and TTL no longer removes the fence', async () => {
    await tombstone(store, DEVICE, 'c/session/gone', OLD, EXPIRES_AT)

    assert.equal(await fenceAndRead(store, DEVICE, 'c/session/gone', MINE), undefined)

    await assert.rejects(writeAuth(store, DEVICE, 'c/session/gone', OLD, 'late'), STALE)
    const item = await store.get('AuthState', { deviceId: DEVICE, key: 'c/session/gone' })
    assert.deepEqual(item, { deviceId: DEVICE, key: 'c/session/gone', epoch: MINE })
  })

  test('shuts out writes, deletions and reads of every older epoch', async () => {
    await writeAuth(store, DEVICE, 'c/session/a', OLD, 'value')
    await fenceAndRead(store, DEVICE, 'c/session/a', MINE)

    await assert.rejects(writeAuth(store, DEVICE, 'c/session/a', OLD, 'late'), STALE)
    await assert.rejects(tombstone(store, DEVICE, 'c/session/a', OLD, EXPIRES_AT), STALE)
    await assert.rejects(fenceAndRead(store, DEVICE, 'c/session/a', OLD), STALE)

    assert.equal(await fenceAndRead(store, DEVICE, 'c/session/a', MINE), 'value')
  })
})

describe('a write', () => {
  test('shuts out older epochs without a read before it', async () => {
    await writeAuth(store, DEVICE, 'c/session/b', MINE, 'mine')

    await assert.rejects(writeAuth(store, DEVICE, 'c/session/b', OLD, 'late'), STALE)

    assert.equal(await fenceAndRead(store, DEVICE, 'c/session/b', MINE), 'mine')
  })

  test('that is repeated after a lost answer changes nothing', async () => {
    await writeAuth(store, DEVICE, 'c/session/c', MINE, 'mine')
    await writeAuth(store, DEVICE, 'c/session/c', MINE, 'mine')

    assert.equal(await fenceAndRead(store, DEVICE, 'c/session/c', MINE), 'mine')
  })

  test('turns a tombstone into an item that does not expire', async () => {
    await tombstone(store, DEVICE, 'c/session/d', MINE, EXPIRES_AT)

    await writeAuth(store, DEVICE, 'c/session/d', MINE, 'again')

    const item = await store.get('AuthState', { deviceId: DEVICE, key: 'c/session/d' })
    assert.deepEqual(item, { deviceId: DEVICE, key: 'c/session/d', epoch: MINE, value: 'again' })
  })
})

describe('a tombstone', () => {
  test('holds the fence without the value until TTL removes it', async () => {
    await writeAuth(store, DEVICE, 'c/session/e', MINE, 'value')

    await tombstone(store, DEVICE, 'c/session/e', MINE, EXPIRES_AT)

    await assert.rejects(writeAuth(store, DEVICE, 'c/session/e', OLD, 'late'), STALE)
    const item = await store.get('AuthState', { deviceId: DEVICE, key: 'c/session/e' })
    assert.deepEqual(item, { deviceId: DEVICE, key: 'c/session/e', epoch: MINE, expiresAt: EXPIRES_AT })
  })

  test('of an item that does not exist also shuts out older epochs', async () => {
    await tombstone(store, DEVICE, 'c/session/f', MINE, EXPIRES_AT)

    await assert.rejects(writeAuth(store, DEVICE, 'c/session/f', OLD, 'late'), STALE)
  })
})

test('a refusal names the kind of the item and nothing that could be a phone number', async () => {
  await fenceAndRead(store, DEVICE, 'c/session/15550100101.0', NEW)

  const refused = await writeAuth(store, DEVICE, 'c/session/15550100101.0', MINE, 'secret').catch((e) => e)

  assert.ok(isMooringError(refused, 'STALE_EPOCH'))
  assert.deepEqual(refused.facts, { kind: 'session', epoch: MINE })
  assert.equal(
    refused.message,
    'device "device-1" has a socket newer than epoch 5: its session may not be touched any more',
  )
})

test('in any order, an epoch succeeds exactly when no higher one has touched the item', async () => {
  const steps = fc.array(
    fc.record({ does: fc.constantFrom('read', 'write', 'delete'), epoch: fc.integer({ min: 1, max: 4 }) }),
    { minLength: 1, maxLength: 12 },
  )
  let runs = 0
  const run = async (history: { does: string; epoch: number }[]) => {
    runs += 1
    const device = deviceId(`walked-${runs}`)
    const succeeded: boolean[] = []
    for (const step of history) succeeded.push(await succeeds(device, step.does, step.epoch))
    assert.deepEqual(succeeded, expected(history))
  }
  await fc.assert(fc.asyncProperty(steps, run), { numRuns: 60 })
})

async function succeeds(device: DeviceId, does: string, as: number): Promise<boolean> {
  const operations = {
    read: () => fenceAndRead(store, device, 'c/creds', epoch(as)),
    write: () => writeAuth(store, device, 'c/creds', epoch(as), `by ${as}`),
    delete: () => tombstone(store, device, 'c/creds', epoch(as), EXPIRES_AT),
  }
  try {
    await operations[does as keyof typeof operations]()
    return true
  } catch (error) {
    assert.ok(isMooringError(error, 'STALE_EPOCH'))
    return false
  }
}

function expected(history: { epoch: number }[]): boolean[] {
  return history.map((step, at) => history.slice(0, at).every((earlier) => earlier.epoch <= step.epoch))
}
