/** The escape codes that draw a picture again in place. The command line, the demo and the chaos share
 *  them. Pure. */

const HIDE_CURSOR = '\u001b[?25l'
export const SHOW_CURSOR = '\u001b[?25h'
/** The terminal cuts a line that is too long: a wrapped line would spoil the count of lines. */
const NO_WRAP = '\u001b[?7l'
const WRAP = '\u001b[?7h'
export const CLEAR_LINE_END = '\u001b[K'
export const CLEAR_BELOW = '\u001b[J'

/** To the beginning of the line that is `lines` above the cursor. */
export function up(lines: number): string {
  return lines > 0 ? `\u001b[${lines}A\r` : ''
}

/** Each line over the one that was there before. */
function linesInPlace(lines: readonly string[]): string {
  return lines.map((line) => `${line}${CLEAR_LINE_END}\n`).join('')
}

/** Hides the cursor, and draws `lines` over the `above` lines of the picture before. Lines that the picture
 *  before had more are cleared. */
export function pictureOver(above: number, lines: readonly string[]): string {
  return HIDE_CURSOR + NO_WRAP + up(above) + linesInPlace(lines) + CLEAR_BELOW + WRAP
}
