import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { mongodb } from '../../../../cli/import/sources/mongodb.ts'
import { asJson } from '../builders.ts'
import { aLinkedState, inText, linesFile, loadAll, namedRows, stateOf, whyOf } from './key-stores.ts'

/** Bytes as mongoexport writes them. */
function extended(value: unknown): unknown {
  return JSON.parse(inText(value), (_name, part) =>
    part?.type === 'Buffer' ? { $binary: { base64: part.data, subType: '00' } } : part,
  )
}

describe('documents of MongoDB give the state that Baileys had', () => {
  test('with one document a key, its value spread over the fields', async (context) => {
    const state = await aLinkedState()
    const documents = namedRows(state).map(([name, value]) => ({
      ...{ _id: name, ...(JSON.parse(inText(typeof value === 'string' ? [...value] : value)) as object) },
    }))

    const [found] = await loadAll(mongodb(linesFile(context, 'shop-1.json', documents), {}))

    assert.equal(found?.deviceId, 'shop-1')
    assert.deepEqual(stateOf(found), asJson(state))
  })

  test('with one document a key, its value in a field of its own, and the session within the id', async (context) => {
    const state = await aLinkedState()
    const documents = namedRows(state).map(([name, value]) => ({
      ...{
        _id: `baileys:shop-1:${name}`,
        value: extended(value),
        __v: 0,
        createdAt: { $date: '2026-01-01' },
      },
    }))

    const [found] = await loadAll(mongodb(linesFile(context, 'auth.json', documents), {}))

    assert.equal(found?.deviceId, 'shop-1')
    assert.deepEqual(stateOf(found), asJson(state))
  })

  test('with session, name and JSON text in fields of their own', async (context) => {
    const state = await aLinkedState()
    const documents = namedRows(state).map(([filename, value], at) => ({
      ...{ _id: { $oid: `${at}` }, filename, sessionId: 'shop-1', datajson: inText(value) },
    }))

    const [found] = await loadAll(mongodb(linesFile(context, 'auth.json', documents), {}))

    assert.equal(found?.deviceId, 'shop-1')
    assert.deepEqual(stateOf(found), asJson(state))
  })

  test('with one document a session, keys by type, and bytes as older programs write them', async (context) => {
    const state = await aLinkedState()
    const older = JSON.parse(inText(state), (_name, part) =>
      part?.type === 'Buffer' ? { $binary: part.data, $type: '00' } : part,
    )

    const [found] = await loadAll(mongodb(linesFile(context, 'auth.json', [{ _id: 'shop-1', ...older }]), {}))

    assert.equal(found?.deviceId, 'shop-1')
    assert.deepEqual(stateOf(found), asJson(state))
  })

  test('with one document a session, and keys by name, as texts or beside the creds', async (context) => {
    const [one, two] = [await aLinkedState(), await aLinkedState()]
    const named = (state: typeof one) => Object.fromEntries(namedRows(state).slice(1))
    const texts = { sessionKey: 'shop-1', creds: inText(one.creds), keys: inText(named(one)) }
    const beside = { id: 'shop-2', auth: { creds: extended(two.creds), ...(extended(named(two)) as object) } }

    const found = await loadAll(mongodb(linesFile(context, 'auth.json', [texts, beside]), {}))

    assert.deepEqual(
      found.map(({ deviceId }) => deviceId),
      ['shop-1', 'shop-2'],
    )
    assert.deepEqual(stateOf(found[0]), asJson(one))
    assert.deepEqual(stateOf(found[1]), asJson(two))
  })

  test('under fields that a person names', async (context) => {
    const state = await aLinkedState()
    const documents = namedRows(state).map(([name, value]) => ({
      ...{ _id: { $oid: name }, owner: 'shop-1', what: name, value: extended(value) },
    }))
    const file = linesFile(context, 'auth.json', documents)

    const [found] = await loadAll(mongodb(file, { sessionField: 'owner', keyField: 'what' }))

    assert.equal(found?.deviceId, 'shop-1')
    assert.deepEqual(stateOf(found), asJson(state))
  })
})

test('a field that no document has is refused with the list of fields', async (context) => {
  const { creds } = await aLinkedState()
  const file = linesFile(context, 'auth.json', [{ _id: 'creds', value: extended(creds) }])

  await assert.rejects(
    loadAll(mongodb(file, { sessionField: 'owner' })),
    /has no field owner, only _id, value/,
  )
})

test('documents of others are told', async (context) => {
  const { creds } = await aLinkedState()
  const documents = [
    { _id: 'settings', theme: 'dark' },
    { _id: 'shop-1:creds', value: extended(creds) },
  ]

  const [found, others] = await loadAll(mongodb(linesFile(context, 'auth.json', documents), {}))

  assert.equal(found?.deviceId, 'shop-1')
  assert.equal(whyOf(others), 'of no device: "settings"')
})
