import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseForeign, reviveForeign } from '../../../../cli/import/forms/foreign-json.ts'

test('bytes are read in the form of Baileys, of very old files, and of Node', () => {
  const bytes = Buffer.from([1, 2])

  assert.deepEqual(parseForeign('{"type":"Buffer","data":"AQI="}'), bytes)
  assert.deepEqual(parseForeign('{"0":1,"1":2}'), bytes)
  assert.deepEqual(reviveForeign({ type: 'Buffer', data: [1, 2] }), bytes)
})

test('bytes that are none are refused, not rounded into other bytes', () => {
  for (const data of ['[256]', '[-1]', '["1"]', '[1.5]', '[null]']) {
    assert.throws(() => parseForeign(`{"type":"Buffer","data":${data}}`), /^Error: it is not JSON$/)
  }
})

test('a member that would change the prototype of a copy is dropped', () => {
  const read = parseForeign('{"a":{"__proto__":{"x":1}},"__proto__":{"y":1}}')

  assert.deepEqual(read, { a: {} })
  assert.equal(Object.hasOwn(read as object, '__proto__'), false)
})

test('a text that is no JSON, or nests without end, is refused without a word of it', () => {
  assert.throws(() => parseForeign('{"private":"c2VjcmV0"'), /^Error: it is not JSON$/)
  assert.throws(
    () => parseForeign('['.repeat(100_000) + ']'.repeat(100_000)),
    /^Error: it is nested too deep$/,
  )
})
