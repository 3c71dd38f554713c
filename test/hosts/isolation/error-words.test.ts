import assert from 'node:assert/strict'
import { test } from 'node:test'
import { placeOf, wordsOf } from '../../../hosts/isolation/error-words.ts'

test('an error is told by name and message', () => {
  assert.equal(wordsOf(new RangeError('offset is out of bounds')), 'RangeError: offset is out of bounds')
})

const material: readonly [what: string, message: string, said: string][] = [
  [
    'a quoted text',
    `Unexpected token 'h', "hello dear" is not valid JSON`,
    'Error: Unexpected token …, … is not valid JSON',
  ],
  ['a phone number', 'invalid jid 15550100101@s.whatsapp.net', 'Error: invalid jid …@s.whatsapp.net'],
  ['a key', `no session for ${'Zm9v'.repeat(12)}`, 'Error: no session for …'],
  ['codes of a terminal', 'a\u001b[31mred\u001b[0m\nline', 'Error: a [31mred [0m line'],
]
for (const [what, message, said] of material) {
  test(`${what} in an error's message is left out`, () => {
    assert.equal(wordsOf(new Error(message)), said)
  })
}

test('a long message is cut', () => {
  assert.equal(wordsOf(new Error('so it goes '.repeat(50_000))).length, 161)
})

const unreadable = {
  get message(): string {
    throw new Error('no')
  },
  toString() {
    throw new Error('no')
  },
}
for (const thrown of [undefined, null, 42, Symbol('s'), Object.create(null), unreadable]) {
  test(`any thrown value has words and a place: ${typeof thrown}`, () => {
    assert.equal(typeof wordsOf(thrown), 'string')
    assert.equal(placeOf(thrown), 'unknown')
  })
}

test('the place of an error is the first file in its stack, without the path of the machine', () => {
  assert.match(placeOf(new Error('here')), /^isolation\/error-words\.test\.ts:\d+$/)
})

test('the place in a library begins with its name', () => {
  const error = new Error('there')
  error.stack =
    'Error: there\n    at Socket.f (node:net:1:2)\n    at x (file:///srv/node_modules/ws/lib/sender.js:12:3)'
  assert.equal(placeOf(error), 'ws/lib/sender.js:12')
})
