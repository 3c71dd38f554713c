import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { readRecords } from '../../../../cli/import/forms/records.ts'
import { all, failureOf, scratchFile } from './scratch-files.ts'

const UTF16_BE = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16()
const UTF16_LE = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le')

async function rowsOf(content: string | Uint8Array, options = {}): Promise<unknown[]> {
  const records = await all(readRecords(scratchFile(content), options))
  return records.map(({ row }) => ({ ...row }))
}

describe('two rows are read from', () => {
  const csv = 'id,name\n1,é\n2,"b, ""c"""\n'
  const json = [
    { id: '1', name: 'é' },
    { id: '2', name: 'b, "c"' },
  ]
  const lines = json.map((row) => JSON.stringify(row)).join('\n')
  const forms: Readonly<Record<string, string | Uint8Array>> = {
    'CSV with commas': csv,
    'CSV with semicolons': 'id;name\n1;é\n2;"b, ""c"""\n',
    'CSV with tabs': 'id\tname\n1\té\n2\t"b, ""c"""\n',
    'CSV with bars': 'id|name\n1|é\n2|"b, ""c"""\n',
    'CSV with a header of another system': csv.replace('\n', '\r\n'),
    'CSV whose header is quoted, with a delimiter in a name': `"id","name"\n1,é\n2,"b, ""c"""`,
    'CSV with blank lines': `\n${csv.replaceAll('\n', '\n\n')}`,
    'JSON lines': lines,
    'JSON lines with blank lines between': `\n\n${lines.replaceAll('\n', '\r\n\r\n')}\n`,
    'JSON lines with a byte order mark': `\ufeff${lines}`,
    'joined files, each with a byte order mark': lines.replace('\n', '\n\ufeff'),
    'an array in one line': JSON.stringify(json),
    'an array over many lines': JSON.stringify(json, null, 2),
    'objects over many lines': json.map((row) => JSON.stringify(row, null, '\t')).join('\n'),
    'objects without a break between': json.map((row) => JSON.stringify(row)).join(''),
    'CSV with a byte order mark': `\ufeff${csv}`,
    'CSV in UTF-16 of either order': UTF16_BE(csv),
    'CSV in UTF-16 without its mark': Buffer.from(csv, 'utf16le'),
    'JSON lines in UTF-16': UTF16_LE(lines),
    'an array in UTF-16': UTF16_BE(JSON.stringify(json, null, 2)),
    'CSV in gzip': gzipSync(csv),
    'CSV in two parts of gzip': Buffer.concat([gzipSync(csv.slice(0, 11)), gzipSync(csv.slice(11))]),
    'JSON lines in UTF-16 in gzip': gzipSync(UTF16_LE(lines)),
  }
  for (const [name, content] of Object.entries(forms)) {
    test(name, async () => {
      assert.deepEqual(await rowsOf(content), json)
    })
  }
})

describe('a row', () => {
  test('has its number as its place, whatever stands between the rows', async () => {
    const records = await all(readRecords(scratchFile('{"a":1}\n\n\n[{"a":2}]')))

    assert.deepEqual(
      records.map(({ at }) => at),
      ['row 1', 'row 2'],
    )
  })

  test('has null where a cell without quotes spells NULL, and text where it has quotes', async () => {
    const rows = await rowsOf('a,b\n,""\nNULL,"NULL"\nnull,"null"\n\\N,"\\N"\nNull,nil\n')

    assert.deepEqual(rows, [
      { a: null, b: '' },
      { a: null, b: 'NULL' },
      { a: null, b: 'null' },
      { a: null, b: '\\N' },
      { a: 'Null', b: 'nil' },
    ])
  })

  test('has own properties alone, also under names that objects have', async () => {
    const names = ['__proto__', 'constructor', 'toString']
    const [csv] = await all(readRecords(scratchFile(`${names.join(',')}\n1,2,3`)))
    const [json] = await all(readRecords(scratchFile(`{"__proto__":"1","constructor":"2","toString":"3"}`)))
    const [other] = await all(readRecords(scratchFile('id\n1')))

    assert.deepEqual(Object.entries(csv?.row ?? {}), [
      ['__proto__', '1'],
      ['constructor', '2'],
      ['toString', '3'],
    ])
    assert.deepEqual(Object.entries(json?.row ?? {}), Object.entries(csv?.row ?? {}))
    assert.equal('constructor' in (other?.row ?? {}), false)
  })
})

describe('the delimiter', () => {
  test('can be given, also as a word', async () => {
    assert.deepEqual(await rowsOf('a;b,c\n1;2,3', { delimiter: ';' }), [{ a: '1', 'b,c': '2,3' }])
    assert.deepEqual(await rowsOf('a,b\tc\n1,2\t3', { delimiter: 'tab' }), [{ 'a,b': '1,2', c: '3' }])
    assert.deepEqual(await rowsOf('a:b\n1:2', { delimiter: ':' }), [{ a: '1', b: '2' }])
  })

  test('must be one character', async () => {
    await assert.rejects(rowsOf('a\n1', { delimiter: '::' }), /--delimiter must be one character/)
    await assert.rejects(rowsOf('a\n1', { delimiter: '"' }), /--delimiter must be one character/)
    await assert.rejects(rowsOf('a\n1', { delimiter: '' }), /--delimiter must be one character/)
  })
})

describe('refused, with the place and without a word of the content:', () => {
  const SECRET = 'cHJpdmF0ZQ'
  const wrong: readonly (readonly [string, string | Uint8Array, RegExp])[] = [
    ['an empty file', '', /is empty\.$/],
    ['a byte order mark alone', '\ufeff', /is empty\.$/],
    ['blanks alone', ' \r\n\t\n', /is empty\.$/],
    ['a header alone', 'id,name\n', /has a header and no rows/],
    ['an empty array', '[ ]', /holds nothing to import/],
    ['zeros alone', Buffer.alloc(100_000), /holds zero bytes in line 1/],
    ['zeros in a row', `id\n1\n${SECRET}\0`, /holds zero bytes in line 3/],
    ['another encoding', Buffer.from(`id\n${SECRET}é`, 'latin1'), /is not UTF-8: line 2 .* Save it as UTF-8/],
    [
      'another encoding far down',
      Buffer.concat([Buffer.from(`id\n${'é\n'.repeat(50_000)}`), Buffer.from('é', 'latin1')]),
      /is not UTF-8: line 50002 /,
    ],
    ['UTF-16 that is cut', UTF16_LE('id\n1').subarray(0, -1), /is not UTF-16 LE: line 2/],
    ['UTF-32', Buffer.from('fffe000069000000', 'hex'), /is UTF-32/],
    ['a quote without an end', `id,n\n1,2\n3,"${SECRET}\n`, /CSV_QUOTE_NOT_CLOSED, row 2 opens a quote/],
    ['a quote in a quoted cell', `id,n\n1,"${SECRET}"x\n`, /CSV_INVALID_CLOSING_QUOTE, row 1 has a quote/],
    ['a quote in a bare cell', `id,n\n1,${SECRET}"x\n`, /INVALID_OPENING_QUOTE, row 1 has a quote/],
    ['quotes after backslashes', `id,n\n1,"{\\"a\\":1}"`, /row 1 .* ESCAPED BY/],
    ['too few cells', `id,n\n1,2\n${SECRET}\n`, /row 2 has 1 cell, and the header has 2/],
    ['too many cells', `id,n\n1,2,${SECRET}\n`, /row 1 has 3 cells, and the header has 2.*--delimiter/],
    ['a column twice', 'id,n,id\n1,2,3', /has the column "id" twice/],
    ['a column twice, with terminal codes', '\x1b[2J,\x1b[2J\n1,2', /has the column " \[2J" twice/],
    ['several delimiters', 'a;b,c\n1;2,3', /several delimiters.*--delimiter/],
    ['thousands of columns', `id,n\n${'1,'.repeat(6000)}`, /row 1 has more than 5000 cells/],
    ['no header within reach', 'a'.repeat(400_000), /first line is no JSON, and too long for a header/],
    ['JSON that is cut', `[{"id":1},\n{"id":"${SECRET}`, /line 2 begins a value that has no end/],
    ['an array that is cut', '[{"id":1},\n', /line 2 .* an array or object has no end/],
    ['a line that is cut', `{"id":1}\n{"id":"${SECRET}\n{"id":3}`, /line 3 begins within a text/],
    ['JSON that is damaged', `{"id":1}\n{"id":${SECRET}}`, /row 2, which begins in line 2, is damaged/],
    ['text after JSON', `{"id":1}\n${SECRET}`, /line 2 is no JSON object/],
    ['an array of other values', `["${SECRET}"]`, /row 1, which begins in line 1, is no JSON object/],
    ['an array of arrays', `[["${SECRET}"]]`, /row 1, .* is no JSON object/],
    ['a comma too many', '[{"id":1},]', /has a comma with nothing after it/],
    ['a comma too few', '[{"id":1}\n{"id":2}]', /row 1, .* is damaged/],
    [
      'values within values without an end',
      `{"a":${'['.repeat(1_000_000)}`,
      /nests values more than 100 deep/,
    ],
    ['millions of brackets', `{"a":[${'[],'.repeat(2_500_000)}`, /holds a value of more than 2000000 parts/],
    ['a value of 20 MB', `{"a":"${'a'.repeat(20_000_001)}"}`, /line 1 begins a value of more than 20 MB/],
    ['a row of 20 MB', `a\n"${'a\n'.repeat(10_000_010)}"`, /CSV_MAX_RECORD_SIZE, row 1 is larger than 20 MB/],
    ['a line of 20 MB', `a\n1\n${'a'.repeat(20_100_000)}`, /line 3 is larger than 20 MB/],
    ['gzip that is cut', gzipSync(SECRET.repeat(100)).subarray(0, 20), /is cut short: its gzip data/],
    ['gzip that is damaged', Buffer.concat([gzipSync('id\n1'), Buffer.from(SECRET)]), /gzip .* unpacked/],
    ['gzip in gzip', gzipSync(gzipSync('id\n1')), /packed by gzip twice/],
    ['gzip that unpacks without end', gzipSync('{"id":1}\n'.repeat(300_000)), /more than 100 times/],
    ['a database of SQLite', 'SQLite format 3\0', /is a database of SQLite.*Export the table/],
    ['a custom dump', 'PGDMP\x01', /custom format of pg_dump/],
    ['an RDB file', 'REDIS0011\xfa', /is an RDB file of Redis/],
    ['a zip archive', 'PK\x03\x04', /is a zip archive/],
    ['a tar archive', `a${'\0'.repeat(256)}ustar`, /is a tar archive/],
    ['SQL statements', '--\n-- PostgreSQL database dump\n', /holds SQL statements/],
    ['SQL that locks first', 'LOCK TABLES `auth` WRITE;\n', /holds SQL statements/],
    ['SQL that connects first', '\\connect shop\n\nCOPY a FROM stdin;\n', /holds SQL statements/],
    ['SQL that chooses a database first', 'USE `shop`;\nINSERT INTO a', /holds SQL statements/],
    ['a comment before JSON', '// a dump\n{"id":1}', /begins with a comment.*Remove it/],
    ['records for people', `-[ RECORD 1 ]--\nid | ${SECRET}\n`, /a table of psql for people.*--csv/],
    ['rows of mysql for people', `${'*'.repeat(27)} 1. row ***\nid: 1\n`, /a table of mysql for people/],
    ['cells without quotes', `id|n\n1|{"a":"${SECRET}"}\n`, /row 1 has a quote .*--csv\), or as JSON/],
    ['a first line for Excel', 'sep=;\r\nid;n\r\n1;2\r\n', /begins with a line for Excel.*Remove that line/],
    ['rows within an object', `{"RECORDS":[{"id":"${SECRET}"}]}`, /has its rows within "RECORDS".*jq -c/],
    ['a table for people', ' id | n\n----+---\n 1 | 2\n', /a table of psql for people.*--csv/],
  ]
  for (const [name, content, words] of wrong) {
    test(name, async () => {
      const error = await failureOf(readRecords(scratchFile(content)))

      assert.match(error.message, words)
      assert.match(error.message, /mooring-forms-\w+\/file-\d+ /)
      assert.equal(error.message.includes(SECRET), false)
      assert.equal(error.exitCode, 2)
    })
  }
})
