/** Knows files that are no CSV and no JSON by how they begin, and tells how to make a file that can be read.
 *  Pure. */

const AS_ROWS = 'Export the table as CSV with a header, or as JSON.'
const UNPACK = 'Unpack it first.'

/** How files of other kinds begin, as bytes in latin1. */
const BINARY: readonly (readonly [begins: string, words: string])[] = [
  ['SQLite format 3\0', `is a database of SQLite. ${AS_ROWS}`],
  ['PGDMP', `is a dump in the custom format of pg_dump. ${AS_ROWS}`],
  ['REDIS0', 'is an RDB file of Redis. Write its keys and values as JSON.'],
  ['PK\x03\x04', `is a zip archive or a spreadsheet. ${UNPACK} Save a spreadsheet as CSV.`],
  ['BZh', `is packed by bzip2. ${UNPACK}`],
  ['\xfd7zXZ\0', `is packed by xz. ${UNPACK}`],
  ['\x28\xb5\x2f\xfd', `is packed by zstd. ${UNPACK}`],
  ['7z\xbc\xaf\x27\x1c', `is an archive of 7-Zip. ${UNPACK}`],
  ['\xff\xfe\0\0', 'is UTF-32. Save it as UTF-8.'],
  ['\0\0\xfe\xff', 'is UTF-32. Save it as UTF-8.'],
]

const SQL_WORDS = [
  ...['SET ', 'INSERT INTO ', 'REPLACE INTO ', 'CREATE ', 'COPY ', 'BEGIN;', 'PRAGMA ', 'USE `', 'DROP '],
  'LOCK TABLES ',
]

const TEXT: readonly (readonly [begins: RegExp, words: string])[] = [
  [
    new RegExp(`^(?:--|/\\*|${SQL_WORDS.join('|')}|\\\\(?:restrict|connect) )`, 'i'),
    `holds SQL statements, as a dump does. ${AS_ROWS}`,
  ],
  [/^[^\n]*\n *-{3,}(?:\+-+)* *\r?\n/, `is a table of psql for people. ${AS_ROWS} psql has --csv.`],
  [/^\+-{3,}/, `is a table of mysql for people. ${AS_ROWS}`],
  [/^"?sep=/i, 'begins with a line for Excel that tells the delimiter. Remove that line.'],
  [/^\/\//, 'begins with a comment, which JSON does not have. Remove it.'],
  [/^-\[ RECORD 1 \]/, `is a table of psql for people. ${AS_ROWS} psql has --csv.`],
  [/^\*{10,} 1\. row \*/, `is a table of mysql for people. ${AS_ROWS}`],
  [/^<(?:!|\?|html)/i, `is a page or XML. ${AS_ROWS}`],
]

const TAR_MARK_AT = 257

/** @returns the predicate of a sentence, and the remedy; undefined for a file that may be text */
export function foreignBytes(head: Buffer): string | undefined {
  const start = head.toString('latin1', 0, 16)
  const found = BINARY.find(([begins]) => start.startsWith(begins))
  if (found) return found[1]
  const isTar = head.toString('latin1', TAR_MARK_AT, TAR_MARK_AT + 5) === 'ustar'
  return isTar ? `is a tar archive. ${UNPACK}` : undefined
}

/** @returns the predicate of a sentence, and the remedy; undefined for text that may be CSV or JSON */
export function foreignText(head: string): string | undefined {
  return TEXT.find(([begins]) => begins.test(head.trimStart()))?.[1]
}
