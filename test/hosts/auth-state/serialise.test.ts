import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { recentlyUsed } from '../../../hosts/auth-state/cache.ts'
import { packOf, withMembers } from '../../../hosts/auth-state/pre-key-packs.ts'
import { deserialise, serialise } from '../../../hosts/auth-state/serialise.ts'

const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.array(tie('value')),
    // the word is how BufferJSON marks bytes
    fc.dictionary(
      fc.string().filter((name) => name !== 'type' && name !== '__proto__'),
      tie('value'),
      { noNullPrototype: true },
    ),
  ),
}))

test('every value of Baileys comes back as it was, bytes included', () => {
  fc.assert(fc.property(value, (original) => assert.deepEqual(deserialise(serialise(original)), original)))
})

test('a Uint8Array comes back as a Buffer of the same bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) =>
      assert.deepEqual(deserialise(serialise({ bytes })), { bytes: Buffer.from(bytes) }),
    ),
  )
})

test('damaged text is refused without being shown', () => {
  assert.throws(() => deserialise('{"private":"c2VjcmV0'), { message: 'the stored text is not JSON' })
})

test('a value that JSON cannot hold is refused, not stored as something else', () => {
  assert.throws(() => serialise(undefined), TypeError)
  assert.throws(() => serialise(() => 1), TypeError)
})

test('a pack holds exactly the keys that were put in and not taken out, in any order', () => {
  const id = fc.integer({ min: 0, max: 49 }).map(String)
  const steps = fc.array(fc.tuple(id, fc.option(fc.string(), { nil: null })))
  fc.assert(
    fc.property(steps, (changes) => {
      const pack = changes.reduce<string | undefined>(
        (text, change) => withMembers(text, [change]),
        undefined,
      )
      const left = [...new Map(changes)].filter(([, member]) => member !== null)
      assert.deepEqual(pack === undefined ? {} : deserialise(pack), Object.fromEntries(left))
    }),
  )
})

test('a counted pre-key is in a pack of its neighbours; other keys are not', () => {
  assert.equal(packOf('pre-key', '0'), 'pack-0')
  assert.equal(packOf('pre-key', '49'), 'pack-0')
  assert.equal(packOf('pre-key', '50'), 'pack-1')
  assert.equal(packOf('pre-key', '16777215'), 'pack-335544')
  assert.equal(packOf('pre-key', '007'), undefined)
  assert.equal(packOf('pre-key', '-1'), undefined)
  assert.equal(packOf('session', '7'), undefined)
})

test('a full cache forgets the item that was unused for longest', () => {
  const cache = recentlyUsed(10)
  cache.keep('a', '1234')
  cache.keep('b', undefined)
  cache.get('a')

  cache.keep('c', '1234')

  assert.equal(cache.get('b'), undefined)
  assert.deepEqual(cache.get('a'), { value: '1234' })
  assert.deepEqual(cache.get('c'), { value: '1234' })
})

test('the cache counts a replaced value once, and holds empty items', () => {
  const cache = recentlyUsed(10)
  cache.keep('a', '123456789')
  cache.keep('a', '12')
  cache.keep('b', undefined)

  assert.deepEqual(cache.get('a'), { value: '12' })
  assert.deepEqual(cache.get('b'), { value: undefined })
})

test('the cache does not keep an item that is larger than itself', () => {
  const cache = recentlyUsed(10)
  cache.keep('a', '12345678901')
  assert.equal(cache.get('a'), undefined)
})
