/** Lines as the commands compose them, and the only way from them to a stream. Texts are made plain here, so
 *  that no command can forget it; styles are our own and are put around them afterwards. */
import { styleText } from 'node:util'
import { plain, shortened } from './words.ts'

/** Our own lines are far shorter. The reason that another system gives may not be. */
export const LINE_CHARACTERS_MAX = 4000

type Style = Parameters<typeof styleText>[0]

export interface Painted {
  readonly text: string
  readonly style: Style
  /** Whether the colours are kept where there is no terminal, because they carry the meaning. */
  readonly always: boolean
}

type Piece = string | Painted
export type Line = Piece | readonly Piece[]

export function painted(style: Style, text: string): Painted {
  return { style, text, always: false }
}

/** A QR cannot be read without its colours. */
export function paintedAlways(style: Style, text: string): Painted {
  return { style, text, always: true }
}

/** @returns the line as it may be written to the stream, without a line end */
export function rendered(line: Line, stream: NodeJS.WritableStream): string {
  return isPieces(line)
    ? line.map((piece) => renderedPiece(piece, stream)).join('')
    : renderedPiece(line, stream)
}

function isPieces(line: Line): line is readonly Piece[] {
  return Array.isArray(line)
}

function renderedPiece(piece: Piece, stream: NodeJS.WritableStream): string {
  if (typeof piece === 'string') return safe(piece)
  const { style, text, always } = piece
  return styleText(style, safe(text), always ? { validateStream: false } : { stream })
}

function safe(text: string): string {
  return shortened(plain(text), LINE_CHARACTERS_MAX)
}
