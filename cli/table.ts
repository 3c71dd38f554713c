/** Tables of plain text. Pure: rows in, lines out. */
import { plain, shortened } from './words.ts'

export interface Column<Row> {
  readonly title: string
  of(row: Row): string | number | undefined
  /** Whether the column is aligned to the right, as numbers are. */
  readonly right?: boolean
}

const GAP = '  '
/** A cell widens its column in every row. Names, ids and explanations are shorter. */
const CELL_CHARACTERS_MAX = 600
/** A table that is too wide loses characters of its last column, down to this width. */
const LAST_COLUMN_MIN = 12

/** @param width of the terminal, in characters; Infinity where there is none
 *  @returns the titles, then a line for each row */
export function drawTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width = Number.POSITIVE_INFINITY,
): string[] {
  const cells = rows.map((row) => columns.map((column) => cellOf(column.of(row))))
  const all = [columns.map(({ title }) => title), ...cells]
  const widths = columns.map((_, at) => Math.max(...all.map((line) => widthOf(line[at] ?? ''))))
  const before = widths.slice(0, -1).reduce((sum, cell) => sum + cell + GAP.length, 0)
  widths[widths.length - 1] = Math.min(widths.at(-1) ?? 0, Math.max(LAST_COLUMN_MIN, width - before))
  return all.map((line) =>
    line
      .map((cell, at) => fill(cut(cell, widths[at] ?? 0), widths[at] ?? 0, columns[at]?.right === true))
      .join(GAP)
      .trimEnd(),
  )
}

/** Names and their values, one below the other. Undefined and empty values are left out. */
export function drawPairs(pairs: readonly (readonly [string, string | number | undefined])[]): string[] {
  const told = pairs.filter(([, value]) => value !== undefined && value !== '')
  const width = Math.max(0, ...told.map(([name]) => name.length))
  return told.map(([name, value]) => `${name.padEnd(width)}${GAP}${cellOf(value)}`)
}

function cellOf(value: string | number | undefined): string {
  return shortened(plain(String(value ?? '')), CELL_CHARACTERS_MAX)
}

function fill(text: string, width: number, right: boolean): string {
  const rest = ' '.repeat(Math.max(0, width - widthOf(text)))
  return right ? rest + text : text + rest
}

function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  let kept = ''
  for (const { segment } of graphemes.segment(text)) {
    if (widthOf(kept + segment) >= width) break
    kept += segment
  }
  return `${kept}…`
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })
/** Emoji and the scripts of East Asia take two cells. */
const WIDE = new RegExp(
  '[\\p{Emoji_Presentation}\\u1100-\\u115f\\u2e80-\\ua4cf\\uac00-\\ud7a3\\uf900-\\ufaff' +
    '\\ufe30-\\ufe6f\\uff00-\\uff60\\uffe0-\\uffe6\\u{20000}-\\u{3fffd}]',
  'u',
)

/** In cells of a terminal. */
export function widthOf(text: string): number {
  let width = 0
  for (const { segment } of graphemes.segment(text)) width += WIDE.test(segment) ? 2 : 1
  return width
}
