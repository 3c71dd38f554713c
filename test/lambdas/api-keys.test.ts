import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { SCOPES } from '../../core/store/api-key-row.ts'
import { findKey, keyRow, newApiKey, scopeAllows } from '../../lambdas/api-keys.ts'
import { embeddedTables } from '../builders/builders.ts'

const tables = await embeddedTables()
after(() => tables.close())

describe('an API key', () => {
  test('carries 32 random bytes, and no two are the same', () => {
    const [one, other] = [newApiKey(), newApiKey()]

    assert.match(one, /^mooring_[A-Za-z0-9_-]{43}$/)
    assert.notEqual(one, other)
  })

  test('is found again when a caller presents it', async () => {
    const store = await tables.fresh()
    const apiKey = newApiKey()
    const row = keyRow(apiKey, 'operate', 'console', 5)
    await store.put('Keys', row)

    assert.deepEqual(await findKey(store, apiKey), row)
  })

  test('is never stored in plain text, neither whole nor in part', () => {
    const apiKey = newApiKey()

    const stored = JSON.stringify(keyRow(apiKey, 'admin', 'console', 5))

    assert.ok(!stored.includes(apiKey))
    assert.ok(!stored.includes(apiKey.slice('mooring_'.length, 'mooring_'.length + 8)))
  })

  test('that was never stored is not found', async () => {
    const store = await tables.fresh()
    await store.put('Keys', keyRow(newApiKey(), 'admin', 'console', 5))

    assert.equal(await findKey(store, newApiKey()), undefined)
    assert.equal(await findKey(store, ''), undefined)
  })

  test('is not accepted by the first characters of its hash alone', async () => {
    const store = await tables.fresh()
    const [apiKey, other] = [newApiKey(), newApiKey()]
    await store.put('Keys', {
      ...keyRow(other, 'admin', 'x', 5),
      keyId: keyRow(apiKey, 'read', 'x', 5).keyId,
    })

    assert.equal(await findKey(store, apiKey), undefined)
  })
})

test('each scope includes those before it and none after it', () => {
  const allowed = SCOPES.map((held) => SCOPES.filter((needed) => scopeAllows(held, needed)))

  assert.deepEqual(allowed, [['read'], ['read', 'operate'], ['read', 'operate', 'admin']])
})
