/** Tables of plain text. Pure: rows in, lines out. */
import { plain, shortened } from './words.ts'

export interface Column<Row> {
  readonly title: string
  of(row: Row): string | number | undefined
  /** Whether the column is aligned to the right, as numbers are. */
  readonly right?: boolean
  /** Whether the last column goes on below itself, where a table that cuts would lose a reason. */
  readonly continues?: boolean
}

const GAP = '  '
/** A cell widens its column in every row. Names, ids and explanations are shorter. */
const CELL_CHARACTERS_MAX = 600
/** A table that is too wide loses characters of its last column, down to this width. */
const LAST_COLUMN_MIN = 12
/** A column that continues is as wide at least, also where the terminal then breaks the lines itself. */
const CONTINUED_MIN = 40
/** Several sentences on each kind of loss are shorter. */
const CONTINUED_CHARACTERS_MAX = 6000

/** @param width of the terminal, in characters; Infinity where there is none
 *  @returns the titles, then a line for each row */
export function drawTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width = Number.POSITIVE_INFINITY,
): string[] {
  const continues = columns.at(-1)?.continues === true
  const cells = rows.map((row) =>
    columns.map(({ of, continues }) => cellOf(of(row), continues ? CONTINUED_CHARACTERS_MAX : undefined)),
  )
  const all = [columns.map(({ title }) => title), ...cells]
  const widths = columns.map((_, at) => Math.max(...all.map((line) => widthOf(line[at] ?? ''))))
  const before = widths.slice(0, -1).reduce((sum, cell) => sum + cell + GAP.length, 0)
  const lastMin = continues ? CONTINUED_MIN : LAST_COLUMN_MIN
  const lastWidth = Math.min(widths.at(-1) ?? 0, Math.max(lastMin, width - before))
  widths[widths.length - 1] = lastWidth
  const lines = continues ? all.flatMap((line) => continued(line, lastWidth)) : all
  return lines.map((line) =>
    line
      .map((cell, at) =>
        fill(continues ? cell : cut(cell, widths[at] ?? 0), widths[at] ?? 0, columns[at]?.right === true),
      )
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

function cellOf(value: string | number | undefined, charactersMax = CELL_CHARACTERS_MAX): string {
  return shortened(plain(String(value ?? '')), charactersMax)
}

/** @returns the line, and below it lines with the rest of its last cell alone */
function continued(line: readonly string[], width: number): string[][] {
  const parts = brokenAtBlanks(line.at(-1) ?? '', width)
  const blank = line.slice(1).map(() => '')
  return parts.map((part, at) => [...(at === 0 ? line.slice(0, -1) : blank), part])
}

/** A word that is wider than a line is on a line of its own, and whole. */
function brokenAtBlanks(text: string, width: number): string[] {
  if (widthOf(text) <= width) return [text]
  const parts: string[] = []
  let part = ''
  for (const word of text.split(' ')) {
    const longer = part === '' ? word : `${part} ${word}`
    if (part !== '' && widthOf(longer) > width) {
      parts.push(part)
      part = word
    } else part = longer
  }
  return [...parts, part]
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
