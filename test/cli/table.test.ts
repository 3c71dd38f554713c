import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { drawPairs, drawTable, widthOf } from '../../cli/table.ts'
import { age, plain } from '../../cli/words.ts'

interface Row {
  name: string
  load?: number
  why?: string
}

const COLUMNS = [
  { title: 'NAME', of: ({ name }: Row) => name },
  { title: 'LOAD', of: ({ load }: Row) => load, right: true },
  { title: 'WHY', of: ({ why }: Row) => why },
]

describe('a table', () => {
  test('has its columns under their titles, numbers at the right, and no blanks after the last word', () => {
    const rows = [
      { name: 'server-1', load: 7, why: 'it is empty' },
      { name: 's', load: 12 },
    ]

    assert.deepEqual(drawTable(COLUMNS, rows), [
      'NAME      LOAD  WHY',
      'server-1     7  it is empty',
      's           12',
    ])
  })

  test('cuts its last column to the width of the terminal', () => {
    const rows = [{ name: 'server-1', load: 7, why: 'a reason that is longer than the terminal is wide' }]

    assert.deepEqual(drawTable(COLUMNS, rows, 36), [
      'NAME      LOAD  WHY',
      'server-1     7  a reason that is lo…',
    ])
  })

  test('continues its last column on further lines where no word of it may be lost', () => {
    const why = `${'a reason of many words, '.repeat(30)}and its end`
    const rows = [{ name: 'server-1', load: 7, why }]
    const columns = [...COLUMNS.slice(0, 2), { title: 'WHY', of: ({ why }: Row) => why, continues: true }]

    const [, first = '', second = '', ...rest] = drawTable(columns, rows, 60)

    assert.equal(first, 'server-1     7  a reason of many words, a reason of many')
    assert.equal(second, `${' '.repeat(16)}words, a reason of many words, a reason of`)
    assert.equal([first.slice(16), second, ...rest].map((line) => line.trim()).join(' '), why)
    assert.equal(drawTable(columns, rows).length, 2)
  })

  test('keeps its columns where a name has characters of two cells or of none', () => {
    const rows = [
      { name: '日本', load: 1 },
      { name: 'e\u0301🚢', load: 2 },
    ]

    assert.deepEqual(drawTable(COLUMNS, rows), ['NAME  LOAD  WHY', '日本     1', 'e\u0301🚢      2'])
    assert.equal(widthOf('日本'), 4)
    assert.equal(widthOf('e\u0301🚢'), 3)
  })

  test('lets no text from outside move the cursor, end the line, or turn it around', () => {
    const rows = [{ name: 'a\u001b[2Jb\nc\u202ed', load: 1 }]

    assert.equal(drawTable(COLUMNS, rows)[1], 'a [2Jb c d     1')
    assert.equal(plain('one\rtwo\u0085'), 'one two ')
  })
})

test('pairs leave out undefined values', () => {
  assert.deepEqual(
    drawPairs([
      ['name', 'The shop'],
      ['owner', undefined],
      ['epoch', 0],
    ]),
    ['name   The shop', 'epoch  0'],
  )
})

for (const [ms, says] of [
  [-5, '0 s'],
  [59_999, '59 s'],
  [60_000, '1 min'],
  [7_199_999, '1 h'],
  [86_400_000 * 3, '3 d'],
] as const) {
  test(`an age of ${ms} ms reads ${says}`, () => {
    assert.equal(age(1_000_000_000_000 - ms, 1_000_000_000_000), says)
  })
}
