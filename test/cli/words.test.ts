import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { plain, plainJson, shortened } from '../../cli/words.ts'

const HOSTILE = [
  ['a terminal code', '\u001b[2J'],
  ['a C1 control', '\u009b2J'],
  ['a line end', '\r\n'],
  ['a separator of lines', '\u2028'],
  ['a turned line', '\u202e\u2066'],
  ['a mark of direction', '\u200e\u200f\u061c'],
  ['a space of no width', '\u200b\ufeff\u2060'],
  ['an invisible operator', '\u2061\u2064'],
  ['a joiner', '\u200c\u200d'],
  ['a tag', '\u{e0041}\u{e007f}'],
  ['a selector', '\ufe0f\u{e0100}'],
  ['a filler', '\u3164\u115f\u034f'],
  ['a soft hyphen', '\u00ad'],
  ['half a character', '\ud800\udfff'.slice(0, 1)],
] as const
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u

describe('plain text and plain JSON have nothing hidden:', () => {
  for (const [what, text] of HOSTILE) {
    test(what, () => {
      assert.doesNotMatch(plain(`a${text}b`), UNSEEN)
      assert.match(plain(`a${text}b`), /^a.*b$/)
      assert.doesNotMatch(plainJson({ [text]: text }), UNSEEN)
      assert.deepEqual(JSON.parse(plainJson({ [text]: text })), { [text]: text })
    })
  }
})

test('an emoji that is joined of several stays one', () => {
  const emoji = '👩‍👩‍👧 👩🏽‍🚀 ❤️‍🔥 1️⃣ ☎️ 🇩🇪'

  assert.equal(plain(emoji), emoji)
})

test('a joiner outside emoji, and a second selector, are made visible as blanks', () => {
  assert.equal(plain('pay\u200dpal ☎\ufe0f\ufe0f 👩\u200dx'), 'pay pal ☎\ufe0f  👩 x')
})

test('JSON keeps its own lines', () => {
  assert.equal(plainJson({ a: '\n' }, 2), '{\n  "a": "\\n"\n}')
})

test('a text is shortened without cutting a character in two', () => {
  assert.equal(shortened('abc', 3), 'abc')
  assert.equal(shortened('ab😀', 3), 'ab…')
})
