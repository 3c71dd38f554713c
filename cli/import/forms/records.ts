/** Reads the rows of an exported file, whatever form the export has: CSV with a header, or JSON. */
import { type FileHandle, open } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { CsvError, parse } from 'csv-parse'
import { WrongUsage } from '../../failures.ts'

/** The columns of a row by name. Only own properties count. */
export type Row = Readonly<Record<string, unknown>>

export interface FileRecord {
  /** Where the row stands, for people: "row 3". It is the same in every reading. */
  readonly at: string
  readonly row: Row
}

/** A device's session data is some 200 KB; a hundred times that is no device. */
const RECORD_CHARACTERS_MAX = 20_000_000

/** @throws WrongUsage when the file is none, or cannot be read as rows */
export async function* readRecords(file: string): AsyncGenerator<FileRecord> {
  let count = 0
  for await (const row of readRows(file)) {
    count += 1
    yield { at: `row ${count}`, row }
  }
}

async function* readRows(file: string): AsyncGenerator<Row> {
  const handle = await open(file).catch((error: Error) => {
    throw new WrongUsage(`${file} cannot be read: ${error.message}.`)
  })
  try {
    if (!(await handle.stat()).isFile()) throw new WrongUsage(`${file} is not a file.`)
    if (/\.(jsonl|ndjson|json)$/i.test(file)) yield* jsonLines(handle)
    else yield* csvRows(handle)
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    throw new WrongUsage(`${file} cannot be read: ${error.code}.`)
  } finally {
    await handle.close()
  }
}

async function* csvRows(handle: FileHandle): AsyncGenerator<Row> {
  const parser = parse({ columns: true, bom: true, max_record_size: RECORD_CHARACTERS_MAX })
  const input = handle.createReadStream({ encoding: 'utf8', autoClose: false })
  // An error of either stream is thrown where the rows are read.
  pipeline(input, parser, () => undefined)
  yield* parser
}

async function* jsonLines(handle: FileHandle): AsyncGenerator<Row> {
  let count = 0
  for await (const line of handle.readLines({ encoding: 'utf8', autoClose: false })) {
    count += 1
    if (line.trim() === '') continue
    let row: unknown
    try {
      row = JSON.parse(line)
    } catch {
      row = undefined
    }
    if (typeof row !== 'object' || row === null) throw new WrongUsage(`Line ${count} is no JSON object.`)
    yield row as Row
  }
}
