/** Reads CSV with a header, row by row. */
import { pipeline, Readable } from 'node:stream'
import { CsvError, parse } from 'csv-parse'
import { WrongUsage } from '../../failures.ts'
import { counted, plain } from '../../words.ts'
import { RECORD_CHARACTERS_MAX } from './json-values.ts'
import { mayBeValue } from './names.ts'
import { linesIn, wrongFile } from './text.ts'

/** PostgreSQL has at most 1,600 columns, and MySQL 4,096. */
const COLUMNS_MAX = 5000
/** 5,000 columns with a name have some hundred kilobytes. */
const HEADER_CHARACTERS_MAX = 200_000
const DELIMITERS = [',', ';', '\t', '|'] as const
/** How programs write NULL in a cell without quotes. */
const NULLS: readonly string[] = ['', 'NULL', 'null', '\\N']

const TOO_LARGE = `is larger than ${RECORD_CHARACTERS_MAX / 1e6} MB: no device has so much`

const WORDS: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'opens a quote that is never closed',
  CSV_INVALID_CLOSING_QUOTE:
    'has a quote within a cell: there it is written twice (""), in MySQL by ESCAPED BY \'"\'',
  INVALID_OPENING_QUOTE:
    'has a quote within a cell that does not begin with one: export cells in quotes (psql --csv), or as JSON',
  CSV_MAX_RECORD_SIZE: TOO_LARGE,
}

/** @param head the beginning of the text, without a byte order mark
 *  @param text all of the text
 *  @throws WrongUsage naming the file and the row; it quotes no cell but those of the header */
export async function* csvRows(
  file: string,
  head: string,
  text: AsyncIterable<string>,
  given: string | undefined,
): AsyncGenerator<Readonly<Record<string, unknown>>> {
  if (!/[\r\n]/.test(head) && head.length > HEADER_CHARACTERS_MAX) {
    throw wrongFile(file, 'cannot be read: its first line is no JSON, and too long for a header.')
  }
  const delimiter = given === undefined ? delimiterIn(file, head) : delimiterFrom(given)
  const parser = parse({
    delimiter,
    // All three in one file: a tool may have written the header, and another one the rows.
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: RECORD_CHARACTERS_MAX,
    cast: (cell, { quoting, records, index }) => {
      if (index >= COLUMNS_MAX) throw new TooManyColumns(rowAt(records))
      return records > 0 && !quoting && NULLS.includes(cell) ? null : cell
    },
  })
  // An error of either stream is thrown where the rows are read.
  pipeline(Readable.from(wholeLines(file, text)), parser, () => undefined)
  let columns: readonly string[] | undefined
  let count = 0
  try {
    for await (const cells of parser as AsyncIterable<(string | null)[]>) {
      if (!columns) {
        columns = columnsFrom(file, cells)
        continue
      }
      count += 1
      if (cells.length !== columns.length) {
        throw wrongFile(
          file,
          `cannot be read: row ${count} has ${counted(cells.length, 'cell')}, and the header has ${columns.length}. ` +
            'Is the delimiter right? See --delimiter.',
        )
      }
      yield rowOf(columns, cells)
    }
  } catch (error) {
    throw asWords(file, error)
  }
  if (count === 0) throw wrongFile(file, columns ? 'has a header and no rows.' : 'is empty.')
}

/** Gives whole lines alone, so that a line without an end is refused before the parser copies it. */
async function* wholeLines(file: string, text: AsyncIterable<string>): AsyncGenerator<string> {
  let begun: string[] = []
  let characters = 0
  let lines = 1
  for await (const chunk of text) {
    begun.push(chunk)
    characters += chunk.length
    if (/[\r\n]/.test(chunk)) {
      lines += linesIn(chunk)
      yield begun.join('')
      begun = []
      characters = 0
    } else if (characters > RECORD_CHARACTERS_MAX) {
      throw wrongFile(file, `cannot be read: line ${lines} ${TOO_LARGE}.`)
    }
  }
  yield begun.join('')
}

/** The message says in which row. */
class TooManyColumns extends Error {}

/** @param records how many records the parser has read, the header among them */
function rowAt(records: number): string {
  return records === 0 ? 'the header' : `row ${records}`
}

function asWords(file: string, error: unknown): unknown {
  if (error instanceof TooManyColumns) {
    return wrongFile(file, `cannot be read: ${error.message} has more than ${COLUMNS_MAX} cells.`)
  }
  if (!(error instanceof CsvError)) return error
  const words = WORDS[error.code] ?? 'is no CSV'
  return wrongFile(file, `cannot be read: ${error.code}, ${rowAt(Number(error.records))} ${words}.`)
}

function columnsFrom(file: string, cells: readonly (string | null)[]): string[] {
  const columns = cells.map((cell) => (cell ?? '').trim())
  if (columns.some(mayBeValue)) {
    throw wrongFile(file, 'has no header: its first line holds values. Export it with a header.')
  }
  const twice = columns.find((name, at) => name !== '' && columns.indexOf(name) < at)
  if (twice !== undefined) {
    throw wrongFile(file, `has the column "${plain(twice)}" twice. Name each column once.`)
  }
  return columns
}

/** Its properties are the columns alone: without a prototype even `__proto__` is one. */
function rowOf(columns: readonly string[], cells: readonly (string | null)[]): Record<string, unknown> {
  const row: Record<string, unknown> = Object.create(null)
  for (const [at, column] of columns.entries()) if (column !== '') row[column] = cells[at]
  return row
}

/** Takes the delimiter that the header has most often. */
function delimiterIn(file: string, head: string): string {
  const header = headerIn(head).replaceAll(/"(?:[^"]|"")*"/g, '')
  const counts = DELIMITERS.map((delimiter) => header.split(delimiter).length - 1)
  const most = Math.max(...counts)
  const found = DELIMITERS.filter((_, at) => counts[at] === most)
  if (most === 0) return ','
  if (found.length > 1) {
    throw wrongFile(file, 'has a header with several delimiters. Say which is right: --delimiter.')
  }
  return found[0] ?? ','
}

/** The first line with a text. A line break may stand in the quotes of a name. */
function headerIn(head: string): string {
  return /^\s*((?:"(?:[^"]|"")*"|[^"\r\n])*)/.exec(head)?.[1] ?? ''
}

function delimiterFrom(given: string): string {
  const delimiter = given === '\\t' || given.toLowerCase() === 'tab' ? '\t' : given
  if ([...delimiter].length === 1 && !/["\r\n\0\\]/.test(delimiter)) return delimiter
  throw new WrongUsage('--delimiter must be one character such as ; or | or the word tab.')
}
