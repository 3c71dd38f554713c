/** Sizes and names. A reader may expect files that fit in the head, and functions that fit on a screen. A
 *  test is found by the name of what it tests. Each exception is a line of a table, with its reason. A
 *  failure prints the lines that a table lacks, and the lines that are no longer needed. */
import assert from 'node:assert/strict'
import { basename, dirname } from 'node:path'
import { describe, test } from 'node:test'
import { code, documents, filesOf, ROOMS, read } from './source-tree.ts'
import { BIG_FILES, LONG_FUNCTIONS, SHARED_NAMES, TOPIC_TESTS } from './tidy-exceptions.ts'

const COLUMNS_MAX = 120
const COMMENT_COLUMNS_MAX = 110
const FILE_LINES_MAX = 250
const FUNCTION_LINES_MAX = 70

const SOURCES = [...ROOMS, 'test'].flatMap(filesOf)

/** How a function begins, as Biome formats it. It ends at the next brace that is as far to the left. */
const FUNCTION_STARTS = [
  /^(\s*)(?:export )?(?:async )?function\*? (\w+)/,
  /^(\s*)(?:export )?const (\w+)\b.*= (?:async )?(?:<.*>)?(?:\(|\(.*=> \{|\w+ => \{)$/,
  /^(\s+)(?!(?:if|for|while|switch|catch|test|describe)\b)(?:async |get )?(\w+)\(.*\{$/,
  /^(\s+)(\w+): (?:async )?\(.*=> \{$/,
  /^(\s*)test\(\s*(.*)/,
]
const EXPORT = /^export (?:declare )?(?:async )?(?:function\*?|const|let|class|interface|type|enum) (\w+)/gm

describe('sizes', () => {
  test(`a line of code or prose has at most ${COLUMNS_MAX} columns`, () => {
    const wide = [...SOURCES, ...documents()].filter((file) => wideLines(file) > 0)

    assert.deepEqual(wide, [])
  })

  test(`a line of a comment has at most ${COMMENT_COLUMNS_MAX} columns`, () => {
    assert.deepEqual(linesWhere(isWideComment), [])
  })

  test('no line of a comment holds only its end', () => {
    assert.deepEqual(linesWhere(isLoneEnd), [])
  })

  test('a comment that is too wide or ends on a line of its own would be found', () => {
    const wide = 'x'.repeat(COMMENT_COLUMNS_MAX)

    assert.deepEqual([`// ${wide}`, `/** ${wide}`, ` *  ${wide}`, `f() // ${wide}`].map(isWideComment), [
      true,
      true,
      true,
      false,
    ])
    assert.deepEqual([' *  */', ' */', ' *  text */'].map(isLoneEnd), [true, false, false])
  })

  test(`a file has at most ${FILE_LINES_MAX} lines`, () => {
    const big = SOURCES.filter((file) => lineCount(read(file)) > FILE_LINES_MAX)

    sameAsTable(big, Object.keys(BIG_FILES))
  })

  test(`a function has at most ${FUNCTION_LINES_MAX} lines`, () => {
    const long = SOURCES.flatMap((file) =>
      functionsOf(read(file))
        .filter(({ lines }) => lines > FUNCTION_LINES_MAX)
        .map(({ name }) => `${file} ${name}`),
    )

    sameAsTable(long, Object.keys(LONG_FUNCTIONS))
  })

  test('the length of a function is measured from its first line to its last', () => {
    const text = [
      'function one(',
      '  a: string,',
      '): void {',
      '  if (a) {',
      '  }',
      '}',
      'const two = 2',
    ].join('\n')

    assert.deepEqual(functionsOf(text), [{ name: 'one', lines: 6 }])
  })
})

describe('names', () => {
  test('a test file has the name of a source file in the folder that it mirrors, or is listed as a topic', () => {
    const topics = filesOf('test').filter((file) => file.endsWith('.test.ts') && !isNamedAfterSource(file))
    const listed = Object.entries(TOPIC_TESTS).flatMap(([folder, names]) =>
      names.map((name) => `${folder}/${name}`),
    )

    sameAsTable(
      [...new Set(topics.map((file) => listed.find((topic) => isTopic(file, topic)) ?? file))],
      listed,
    )
  })

  for (const room of ['core', 'hosts', 'lambdas', 'cli', 'lib', 'aws'] as const) {
    test(`${room} exports a name from one file alone`, () => {
      const exported = filesOf(room).flatMap((file) => [...exportsOf(file)])
      const twice = exported.filter((name, at) => exported.indexOf(name) < at)

      sameAsTable([...new Set(twice)], SHARED_NAMES[room] ?? [])
    })
  }

  test('no test exports a variable that changes', () => {
    const changing = filesOf('test').filter((file) => /^export (?:let|var) /m.test(code(file)))

    assert.deepEqual(changing, [])
  })
})

function sameAsTable(found: readonly string[], table: readonly string[]): void {
  assert.deepEqual(
    {
      'missing in the table': found.filter((one) => !table.includes(one)),
      'no longer needed': table.filter((one) => !found.includes(one)),
    },
    { 'missing in the table': [], 'no longer needed': [] },
  )
}

function linesWhere(isWrong: (line: string) => boolean): string[] {
  return SOURCES.flatMap((file) =>
    read(file)
      .split('\n')
      .flatMap((line, at) => (isWrong(line) ? [`${file}:${at + 1}`] : [])),
  )
}

function isWideComment(line: string): boolean {
  return [...line].length > COMMENT_COLUMNS_MAX && /^\s*(?:\/\/|\/\*|\*\s)/.test(line)
}

/** Finds an end without a text before it. A framed comment ends so, too, but without the second blank. */
function isLoneEnd(line: string): boolean {
  return /^\s*\*\s+\*\/$/.test(line)
}

/** The rows of a table in a document cannot be broken, nor can a word, such as an address. */
function wideLines(file: string): number {
  const isRow = (line: string) => file.endsWith('.md') && line.startsWith('|')
  const isWide = (line: string) => [...line].length > COLUMNS_MAX && !isRow(line) && !/\S{110}/.test(line)
  return read(file).split('\n').filter(isWide).length
}

/** @param topic the folder and the name, or the folder and `*` */
function isTopic(file: string, topic: string): boolean {
  const folder = dirname(file)
  return topic === `${folder}/*` || topic === `${folder}/${testName(file)}`
}

/** What the file exports. A type and a value of one name count as one. */
function exportsOf(file: string): Set<string> {
  return new Set([...code(file).matchAll(EXPORT)].map(([, name = '']) => name))
}

/** Leaves out the endings of a test, long or not. */
function testName(file: string): string {
  return basename(file).replace(/(\.long)?\.test\.ts$/, '')
}

function lineCount(text: string): number {
  return text.trimEnd().split('\n').length
}

function functionsOf(text: string): { name: string; lines: number }[] {
  const lines = text.split('\n')
  return lines.flatMap((line, at) => {
    const [, indent = '', name = ''] = FUNCTION_STARTS.map((start) => start.exec(line)).find(Boolean) ?? []
    if (!name) return []
    const ends = [`${indent}}`, `${indent}},`, `${indent}})`]
    const end = lines.findIndex((other, index) => index > at && ends.includes(other))
    return end < 0 ? [] : [{ name, lines: end - at + 1 }]
  })
}

/** Its name may go on: `x-silence` tests a part of `x`. Some folders of tests have sources of their own. */
function isNamedAfterSource(file: string): boolean {
  const folder = dirname(file)
  const name = testName(file)
  return [folder.replace(/^test\//, ''), folder]
    .flatMap((place) => filesOf(place).filter((source) => dirname(source) === place))
    .map((source) => basename(source, '.ts'))
    .some((source) => name === source || name.startsWith(`${source}-`))
}
