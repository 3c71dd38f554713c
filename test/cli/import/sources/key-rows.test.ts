import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { keyRows } from '../../../../cli/import/sources/key-rows.ts'
import { asJson } from '../builders.ts'
import { aLinkedState, inText, linesFile, loadAll, namedRows, stateOf } from './key-stores.ts'

describe('rows of an SQL table give the state that Baileys had', () => {
  test('with session, key and value under usual names, beside a number that is no key', async (context) => {
    const state = await aLinkedState()
    const rows = namedRows(state).map(([name, value], at) => ({
      ...{ pkId: at, sessionId: 'shop-1', id: name, data: inText(value) },
    }))

    const [found, ...more] = await loadAll(keyRows(linesFile(context, 'rows.jsonl', rows), {}))

    assert.equal(found?.deviceId, 'shop-1')
    assert.deepEqual(stateOf(found), asJson(state))
    assert.deepEqual(more, [])
  })

  test('with `:` and `/` replaced in the names of the keys', async (context) => {
    const state = await aLinkedState()
    const rows = namedRows(state).map(([name, value]) => ({
      ...{ session: 7, id: name.replaceAll('/', '__').replaceAll(':', '-'), value: inText(value) },
    }))

    const [found] = await loadAll(keyRows(linesFile(context, 'rows.jsonl', rows), {}))

    assert.equal(found?.deviceId, '7')
    assert.deepEqual(stateOf(found), asJson(state))
  })

  test('with the session within the name of the key', async (context) => {
    const state = await aLinkedState()
    const rows = namedRows(state).map(([name, value]) => ({
      session_key: `shop:1:${name === 'creds' ? 'auth_creds' : name}`,
      data: value,
    }))

    const [found] = await loadAll(keyRows(linesFile(context, 'rows.jsonl', rows.map(inText)), {}))

    assert.equal(found?.deviceId, '1')
    assert.deepEqual(stateOf(found), asJson(state))
  })

  test('with the type in a column of its own', async (context) => {
    const state = await aLinkedState()
    const keys = Object.entries(state.keys).flatMap(([type, byId]) =>
      Object.entries(byId).map(([id, value]) => ({ type, key_id: id, value: inText(value) })),
    )
    const rows = [{ type: 'creds', key_id: 'default', value: inText(state.creds) }, ...keys]
    const file = linesFile(
      context,
      'rows.jsonl',
      rows.map((row) => ({ instance: 'a', ...row })),
    )

    const [found] = await loadAll(keyRows(file, {}))

    assert.deepEqual(stateOf(found), asJson(state))
  })

  test('of one device without a name, which the file or a person names', async (context) => {
    const state = await aLinkedState()
    const rows = namedRows(state).map(([key, value]) => ({ key, value }))
    const file = linesFile(context, 'shop-9.jsonl', rows.map(inText))

    const [byFile] = await loadAll(keyRows(file, {}))
    const [byPerson] = await loadAll(keyRows(file, { device: 'shop-1' }))

    assert.equal(byFile?.deviceId, 'shop-9')
    assert.equal(byPerson?.deviceId, 'shop-1')
    assert.deepEqual(stateOf(byFile), asJson(state))
  })

  test('under columns that a person names', async (context) => {
    const state = await aLinkedState()
    const rows = namedRows(state).map(([name, value]) => ({ data: 'a', key: 'b', k: name, v: value, s: 'c' }))
    const file = linesFile(context, 'rows.jsonl', rows.map(inText))

    const [found] = await loadAll(keyRows(file, { sessionColumn: 's', keyColumn: 'k', valueColumn: 'v' }))

    assert.equal(found?.deviceId, 'c')
    assert.deepEqual(stateOf(found), asJson(state))
  })
})

describe('a table is refused with the list of its columns', () => {
  const refused = (file: string, options: Parameters<typeof keyRows>[1], words: RegExp) =>
    assert.rejects(loadAll(keyRows(file, options)), words)

  test('where a named column is missing', async (context) => {
    const file = linesFile(context, 'rows.jsonl', [{ session: 'a', key: 'creds', value: '1' }])

    await refused(
      file,
      { sessionColumn: 'sesion' },
      /has no column sesion, only session, key, value; see --session-column/,
    )
    await refused(file, { keyColumn: 'toString' }, /has no column toString, .*; see --key-column/)
    await refused(file, { valueColumn: 'x' }, /see --value-column/)
    await refused(file, { typeColumn: 'x' }, /see --type-column/)
  })

  test('where no column is known to hold the key or the value', async (context) => {
    const file = linesFile(context, 'rows.jsonl', [{ session: 'a', what: 'creds', text: '1' }])

    await refused(
      file,
      {},
      /no column that is known to hold the key, only session, what, text; .* --key-column/,
    )
    await refused(file, { keyColumn: 'what' }, /known to hold the value, .* --value-column/)
  })
})
