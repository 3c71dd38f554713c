import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { redis } from '../../../../cli/import/sources/redis.ts'
import { asJson } from '../builders.ts'
import { aLinkedState, inText, linesFile, loadAll, namedRows, stateOf, whyOf } from './key-stores.ts'

describe('a dump of Redis gives the state that Baileys had', () => {
  test('from one hash a session, with JSON in JSON', async (context) => {
    const state = await aLinkedState()
    const rows = namedRows(state).map(([field, value]) => ({
      ...{ key: 'evolution:instance:shop-1', field, value: JSON.stringify(inText(value)) },
    }))

    const [found] = await loadAll(redis(linesFile(context, 'redis.jsonl', rows), {}))

    assert.equal(found?.from, 'evolution:instance:shop-1')
    assert.equal(found.deviceId, 'shop-1')
    assert.deepEqual(stateOf(found), asJson(state))
  })

  test('from one string a key, also where the session is called like a type', async (context) => {
    const state = await aLinkedState()
    const rows = namedRows(state).map(([name, value]) => ({
      ...{ key: `wa:session-1:${name}`, value: inText(value) },
    }))

    const [found] = await loadAll(redis(linesFile(context, 'redis.jsonl', rows), {}))

    assert.equal(found?.deviceId, 'session-1')
    assert.deepEqual(stateOf(found), asJson(state))
  })

  test('with the session where a pattern says, for strings and for hashes', async (context) => {
    const state = await aLinkedState()
    const strings = namedRows(state).map(([name, value]) => ({
      ...{ key: `app:a:b|x|${name}`, value: inText(value) },
    }))
    const hash = namedRows(state).map(([field, value]) => ({ key: 'h.c.auth', field, value: inText(value) }))
    const file = linesFile(context, 'redis.jsonl', [...strings, ...hash])

    const [ofStrings, others] = await loadAll(redis(file, { keyPattern: 'app:{session}|x|{key}' }))
    const [ofHash] = await loadAll(redis(file, { keyPattern: 'h.{session}.auth' }))

    assert.equal(ofStrings?.deviceId, 'a-b')
    assert.deepEqual(stateOf(ofStrings), asJson(state))
    assert.match(whyOf(others), /^of no device: "h\.c\.auth"/)
    assert.equal(ofHash?.deviceId, 'c')
    assert.deepEqual(stateOf(ofHash), asJson(state))
  })

  test('beside the keys of others, which are told', async (context) => {
    const state = await aLinkedState()
    const rows = namedRows(state).map(([name, value]) => ({ key: `shop:${name}`, value: inText(value) }))
    const jobs = { key: 'bull:jobs:1', field: 'data', value: '{}' }
    const file = linesFile(context, 'redis.jsonl', [{ key: 'cache', value: '1' }, jobs, ...rows])

    const [found, others] = await loadAll(redis(file, {}))

    assert.deepEqual(stateOf(found), asJson(state))
    assert.equal(others?.from, '2 other rows')
    assert.equal(whyOf(others), 'of no device: "cache", "bull:jobs:1"')
  })
})

test('a file that is no dump of Redis, and a pattern without a session, are refused', async (context) => {
  const file = linesFile(context, 'redis.jsonl', [{ id: 'a', session_data: '{}' }])

  await assert.rejects(loadAll(redis(file, {})), /row 1 has no key and value, only id, session_data/)
  assert.throws(() => redis(file, { keyPattern: 'wa:{key}' }), /--key-pattern needs \{session\} once/)
})
