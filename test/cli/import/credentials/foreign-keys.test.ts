import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { collectKeys, foreignKeys } from '../../../../cli/import/credentials/foreign-keys.ts'
import { fileOf } from '../../../../cli/multi-file/names.ts'
import { keysOfAllTypes } from '../builders.ts'

const all = keysOfAllTypes() as Record<string, Record<string, unknown>>

/** The keys of all types with each name made by `nameOf`. */
function flat(nameOf: (type: string, id: string) => string): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(all).flatMap(([type, byId]) =>
      Object.entries(byId).map(([id, value]) => [nameOf(type, id), value]),
    ),
  )
}

describe('keys of another system are read', () => {
  test('by type and id', () => {
    assert.deepEqual(foreignKeys(all), { keys: all, leftOut: [] })
  })

  test('by names such as pre-key-1, with ids as they are', () => {
    assert.deepEqual(foreignKeys(flat((type, id) => `${type}-${id}`)), { keys: all, leftOut: [] })
  })

  test('by names of files, and by those without their ending', () => {
    const files = flat((type, id) => fileOf({ type, id }))
    const bare = flat((type, id) => fileOf({ type, id }).replace('.json', ''))

    assert.deepEqual(foreignKeys(files), { keys: all, leftOut: [] })
    assert.deepEqual(foreignKeys(bare), { keys: all, leftOut: [] })
  })

  test('by the names of types in older Baileys, and in other spellings', () => {
    const older = {
      preKeys: { 1: 'a' },
      sessions: { '15550101.0': 'b' },
      senderKeys: { 'g@g.us::15550101::0': 'c' },
      senderKeyMemory: { 'g@g.us': 'd' },
      appStateSyncKeys: { AAAA: 'e' },
      appStateVersions: { regular: 'f' },
      device_list: { '15550101': 'g' },
    }

    assert.deepEqual(foreignKeys(older).keys, {
      'pre-key': { 1: 'a' },
      session: { '15550101.0': 'b' },
      'sender-key': { 'g@g.us::15550101::0': 'c' },
      'sender-key-memory': { 'g@g.us': 'd' },
      'app-state-sync-key': { AAAA: 'e' },
      'app-state-sync-version': { regular: 'f' },
      'device-list': { '15550101': 'g' },
    })
  })

  test('by type and by name in one object, where each key is JSON in JSON', () => {
    const mixed = {
      'pre-key': JSON.stringify({ 1: JSON.stringify(JSON.stringify({ a: 1 })) }),
      'session-15550101.0': JSON.stringify({ b: 2 }),
      'lid-mapping-99001_reverse': '15550101',
    }

    assert.deepEqual(foreignKeys(mixed), {
      keys: {
        'pre-key': { 1: { a: 1 } },
        session: { '15550101.0': { b: 2 } },
        'lid-mapping': { '99001_reverse': '15550101' },
      },
      leftOut: [],
    })
  })

  test('with ids of which the names of files say less: each type has ids of its own form', () => {
    const named = {
      'sender-key-memory-15550102-1500000000@g.us': 'a',
      'sender-key-15550102-1500000000@g.us--99001_1--12': 'b',
      'sender-key-15550103-1500000000@g.us::99001_1::12': 'c',
      'app-state-sync-key-AA__+__A=': 'd',
      'tctoken-15550101-3@s.whatsapp.net': 'e',
      'tctoken-__index': 'f',
    }

    assert.deepEqual(foreignKeys(named), {
      keys: {
        'sender-key-memory': { '15550102-1500000000@g.us': 'a' },
        'sender-key': {
          '15550102-1500000000@g.us::99001_1::12': 'b',
          '15550103-1500000000@g.us::99001_1::12': 'c',
        },
        'app-state-sync-key': { 'AA/+/A=': 'd' },
        tctoken: { '15550101:3@s.whatsapp.net': 'e', __index: 'f' },
      },
      leftOut: [],
    })
  })
})

describe('keys that are not imported', () => {
  test('are told by name and count, and never stored', () => {
    const { keys, leftOut } = foreignKeys({
      'pre-key': { 1: 'a' },
      'history-7': { a: 1, b: 2 },
      'history-8': {},
      'poll-votes': { a: {}, b: {}, c: {} },
      other: { a: 1 },
      'session-15-55.0': 'ambiguous',
    })

    assert.deepEqual(keys, { 'pre-key': { 1: 'a' } })
    assert.deepEqual(leftOut, [
      '2 keys named "history" left out: Baileys has none of that name',
      '3 keys named "poll-votes" left out: Baileys has none of that name',
      '1 key named "other" left out: Baileys has none of that name',
      '1 key named "session-15" left out: Baileys has none of that name',
    ])
  })

  test('are told plainly and shortly, however many they are and whatever they are called', () => {
    const strange = Object.fromEntries([
      ['\u001b[2J\u202e', 1],
      ['x'.repeat(300_000), 1],
      ...Array.from({ length: 1000 }, (_, at) => [`a${at}b`, 1]),
    ])

    const { leftOut } = foreignKeys(strange)

    assert.equal(leftOut.length, 21)
    assert.ok(leftOut.join('').length < 2000)
    assert.doesNotMatch(leftOut.join(''), /[\p{Cc}\u202e]/u)
    assert.equal(leftOut.at(-1), '982 keys of other names left out: Baileys has none of them')
  })

  test('without a value are absent', () => {
    const nothing = {
      'pre-key': { 1: null, 2: '' },
      session: null,
      'session-15550101.0': 'null',
      other: null,
    }

    assert.deepEqual(foreignKeys(nothing), { keys: {}, leftOut: [] })
    assert.deepEqual(foreignKeys(null), { keys: {}, leftOut: [] })
    assert.deepEqual(foreignKeys([1, 2]), {
      keys: {},
      leftOut: ['its keys are a list instead of an object'],
    })
  })

  test('of a type that holds no keys by id are told', () => {
    assert.deepEqual(foreignKeys({ 'pre-key': [1], session: 7 }).leftOut, [
      '1 key named "pre-key" left out: Baileys has none of that name',
      '1 key named "session" left out: Baileys has none of that name',
    ])
  })

  test('only own properties count, in objects with and without a prototype', () => {
    const hostile = JSON.parse(
      '{"__proto__":{"pre-key":{"1":"a"}},"constructor":{"1":"b"},"session":{"__proto__":"c"}}',
    )
    const bare = Object.assign(Object.create(null), { 'pre-key': Object.create({ 1: 'inherited' }) })

    const { keys, leftOut } = foreignKeys(hostile)

    assert.deepEqual(Object.keys(keys), ['session'])
    assert.deepEqual(Object.entries(keys.session ?? {}), [['__proto__', 'c']])
    assert.equal(leftOut.length, 2)
    assert.deepEqual(foreignKeys(bare), { keys: {}, leftOut: [] })
  })
})

test('a collector takes keys one by one, and says of which names it knows nothing', () => {
  const keys = collectKeys()

  keys.add('preKeys', '1', 'a')
  keys.add('sender-key', 'g@g.us--15550101--0', 'b')
  keys.add('unheard-of', '1', 'c')
  const named = ['pre-key-2', 'session-15550101.0.json', 'creds', 'notes.txt', 'pre-key-'].map((name) =>
    keys.addNamed(name, 'd'),
  )

  assert.deepEqual(named, [true, true, false, false, false])
  assert.deepEqual(keys.result(), {
    keys: {
      'pre-key': { 1: 'a', 2: 'd' },
      'sender-key': { 'g@g.us::15550101::0': 'b' },
      session: { '15550101.0': 'd' },
    },
    leftOut: ['1 key named "unheard-of" left out: Baileys has none of that name'],
  })
})
