import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { scanJson } from '../../../../cli/import/forms/json-scanner.ts'

const LIMITS = { charactersMax: 1_000_000, depthMax: 100, partsMax: 1_000_000 }

/** Text in pieces of a random size, so that a piece ends within texts, escapes and numbers. */
function scan(text: string, chunkSize: number, members: boolean): string[] {
  const scanner = scanJson(members, LIMITS)
  const chunks = Array.from({ length: Math.ceil(text.length / chunkSize) }, (_, at) =>
    text.slice(at * chunkSize, (at + 1) * chunkSize),
  )
  const pieces = chunks.flatMap((chunk) => scanner.push(chunk))
  scanner.end()
  return pieces.map((piece) => piece.text)
}

const rows = fc.array(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })))
const chunkSize = fc.integer({ min: 1, max: 9 })
const space = fc.constantFrom(0, 2, '\t')

test('values that JSON.stringify has written come out as they were, however the text is cut', () => {
  fc.assert(
    fc.property(rows, chunkSize, space, (values, size, indent) => {
      const lines = values.map((value) => JSON.stringify(value, undefined, indent)).join('\n')
      const array = JSON.stringify(values, undefined, indent)
      const plain: unknown = JSON.parse(array)

      assert.deepEqual(
        scan(lines, size, false).map((text) => JSON.parse(text)),
        plain,
      )
      assert.deepEqual(
        scan(array, size, false).map((text) => JSON.parse(text)),
        plain,
      )
    }),
  )
})

test('members come out as they were, however the text is cut', () => {
  fc.assert(
    fc.property(rows, chunkSize, space, (values, size, indent) => {
      const array = JSON.stringify(values, undefined, indent)
      const expected = (JSON.parse(array) as object[]).flatMap((value) => Object.entries(value))

      assert.deepEqual(
        scan(array, size, true).flatMap((text) => Object.entries(JSON.parse(`{${text}}`))),
        expected,
      )
    }),
  )
})

test('an array with one wrong character is refused, unless JSON.parse takes it as well', () => {
  const character = fc.constantFrom(',', ']', '}', '"', ':', '{', '[', 'x', '')
  fc.assert(
    fc.property(rows, chunkSize, character, fc.nat(), (values, size, wrong, where) => {
      const text = JSON.stringify(values)
      const at = 1 + (where % text.length)
      const changed = text.slice(0, at) + wrong + text.slice(at + 1)
      const read = attempt(() => scan(changed, size, false).map((piece) => JSON.parse(piece)))

      assert.deepEqual(
        read,
        attempt(() => JSON.parse(changed)),
      )
    }),
  )
})

function attempt(read: () => unknown): unknown {
  try {
    return read()
  } catch {
    return 'refused'
  }
}
