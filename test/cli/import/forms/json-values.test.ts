import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readJsonMembers, readJsonValues } from '../../../../cli/import/forms/json-values.ts'
import { all, scratchFile } from './scratch-files.ts'

describe('the values of a JSON file', () => {
  test('come one by one, with the line in which each begins', async () => {
    const values = await all(readJsonValues(scratchFile('\n{"a":1}\n[{"b":\n[2]},\n3, "x"]')))

    assert.deepEqual(values, [
      { at: 'row 1', value: { a: 1 }, line: 2 },
      { at: 'row 2', value: { b: [2] }, line: 3 },
      { at: 'row 3', value: 3, line: 5 },
      { at: 'row 4', value: 'x', line: 5 },
    ])
  })

  test('are refused when a value is damaged, with its place', async () => {
    await assert.rejects(all(readJsonValues(scratchFile('{"a":1}\n{"b":x}'))), /row 2, .* line 2, is damaged/)
    await assert.rejects(all(readJsonValues(scratchFile('\n\n'))), /holds nothing to import/)
  })
})

describe('the members of a JSON file', () => {
  test('come one by one, with the object that has them', async () => {
    const text = '{"session:1": "{\\"a\\":1}",\n"__proto__": {"x": [1, {}]}}\n{"b": null}'

    const members = await all(readJsonMembers(scratchFile(text)))

    assert.deepEqual(members, [
      { at: 'entry 1', name: 'session:1', value: '{"a":1}', line: 1, object: 1 },
      { at: 'entry 2', name: '__proto__', value: { x: [1, {}] }, line: 2, object: 1 },
      { at: 'entry 3', name: 'b', value: null, line: 3, object: 2 },
    ])
  })

  test('are read from objects in an array, too', async () => {
    const members = await all(readJsonMembers(scratchFile('[{"a":1},{},{"b":2,"c":3}]')))

    assert.deepEqual(
      members.map(({ name, object }) => [name, object]),
      [
        ['a', 1],
        ['b', 3],
        ['c', 3],
      ],
    )
  })

  test('may be many times larger together than one may be', async () => {
    const large = JSON.stringify('k'.repeat(9_000_000))

    const members = await all(readJsonMembers(scratchFile(`{"a":${large},"b":${large},"c":${large}}`)))

    assert.equal(members.length, 3)
  })

  test('are refused without a name or with a comma too many', async () => {
    await assert.rejects(all(readJsonMembers(scratchFile('{1}'))), /entry 1, .* is damaged/)
    await assert.rejects(all(readJsonMembers(scratchFile('{"a":1,}'))), /a comma with nothing after it/)
    await assert.rejects(all(readJsonMembers(scratchFile('{"a":1'))), /has no end/)
  })
})
