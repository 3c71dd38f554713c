/** Reads the rows of an exported file, whatever form the export has: CSV with a header, or JSON. The content
 *  tells the form, not the name of the file. */
import { csvRows } from './csv-rows.ts'
import { foreignText } from './foreign-forms.ts'
import { jsonPieces, parsed } from './json-values.ts'
import { shown } from './names.ts'
import { readText, type TextOptions, wrongFile } from './text.ts'

/** The columns of a row by name. It has own properties alone, and no prototype. A cell that is NULL in the
 *  other system is null. */
export type Row = Readonly<Record<string, unknown>>

export interface FileRecord {
  /** Where the row stands, for people: "row 3". It is the same in every reading. */
  readonly at: string
  readonly row: Row
}

export interface RecordOptions extends TextOptions {
  /** Of a CSV file: one character, or the word "tab". The header tells it otherwise. */
  readonly delimiter?: string
}

/** The longest header is some hundred kilobytes: 5,000 columns with a name. */
const HEAD_CHARACTERS_MAX = 262_144

/** @throws WrongUsage naming the file and the place, when the file cannot be read as rows; Interrupted */
export async function* readRecords(file: string, options: RecordOptions = {}): AsyncGenerator<FileRecord> {
  const text = readText(file, options)
  try {
    const { head, all } = await withFirstLine(text)
    if (head === undefined) throw wrongFile(file, 'is empty.')
    const foreign = foreignText(head)
    if (foreign) throw wrongFile(file, foreign)
    const rows = /^[[{]/.test(head.trimStart())
      ? jsonRows(file, all)
      : csvRows(file, head, all, options.delimiter)
    let count = 0
    for await (const row of rows) {
      count += 1
      yield { at: `row ${count}`, row }
    }
  } finally {
    await text.return(undefined)
  }
}

async function* jsonRows(file: string, text: AsyncIterable<string>): AsyncGenerator<Row> {
  let count = 0
  for await (const pieces of jsonPieces(file, text, false)) {
    for (const piece of pieces) {
      count += 1
      const place = `row ${count}, which begins in line ${piece.line},`
      const value = parsed(file, piece.text, place)
      if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        throw wrongFile(file, `cannot be read: ${place} is no JSON object.`)
      }
      mustBeRow(file, value)
      yield Object.assign(Object.create(null), value)
    }
  }
}

/** Navicat and DBeaver write one object, and all rows as a list within. */
function mustBeRow(file: string, value: object): void {
  const [[name, rows] = ['', undefined], ...more] = Object.entries(value)
  if (more.length > 0 || !Array.isArray(rows) || typeof rows[0] !== 'object') return
  throw wrongFile(
    file,
    `has its rows within "${shown(name)}". Take them out: jq -c '.[][]' FILE > rows.jsonl`,
  )
}

/** Takes text until its first line with a letter is whole, and gives all of it again. */
async function withFirstLine(
  text: AsyncGenerator<string>,
): Promise<{ head: string | undefined; all: AsyncGenerator<string> }> {
  let head = ''
  while (head.length < HEAD_CHARACTERS_MAX && !head.trimStart().includes('\n')) {
    const { value, done } = await text.next()
    if (done) break
    head += value
  }
  async function* all() {
    yield head
    yield* text
  }
  return { head: head.trim() === '' ? undefined : head, all: all() }
}
