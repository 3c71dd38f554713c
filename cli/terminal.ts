/** Where a command prints: text that stays, and a picture that is drawn again in place. Without a terminal,
 *  both are plain lines. Nothing else writes to the streams, so that every text is made plain here. */
import { createInterface } from 'node:readline/promises'
import { CLEAR_BELOW, pictureOver, SHOW_CURSOR, up } from './ansi.ts'
import { Interrupted } from './failures.ts'
import { type Line, rendered } from './lines.ts'
import { plain, plainJson } from './words.ts'

export interface Terminal {
  /** Whether a person is watching, so that pictures are drawn in place. */
  readonly isInteractive: boolean
  /** Whether a person can be asked a question. */
  readonly canAsk: boolean
  /** In characters; Infinity without a terminal. */
  columns(): number
  rows(): number
  print(lines: readonly Line[] | string): void
  /** @param indent how far the parts of a value are indented; without it the value is one line */
  printJson(value: unknown, indent?: number): void
  /** Prints to the stream of errors. The text may have lines of its own. */
  complain(text: string): void
  /** Prints our own text, such as help, which may have lines of its own. */
  printText(text: string): void
  /** Draws over the picture before. A picture that is higher than the terminal is printed below instead.
   *  Without a terminal every picture is printed below. A picture that has not changed is not drawn again. */
  draw(lines: readonly Line[]): void
  /** The last picture stays as it is, and the cursor is shown. */
  settle(): void
  /** Removes the last picture, and shows the cursor. */
  wipe(): void
  /** @throws Interrupted when the person ends the question instead of answering it */
  ask(question: string, stop: AbortSignal): Promise<string>
}

export interface Streams {
  readonly out: NodeJS.WriteStream
  readonly errors: NodeJS.WritableStream
  readonly input: NodeJS.ReadStream
}

export function openTerminal({ out, errors, input }: Streams): Terminal {
  const isInteractive = out.isTTY === true
  let linesDrawn = 0
  let drawn = ''
  let isHidden = false

  const write = (to: NodeJS.WritableStream, lines: readonly Line[]) => {
    for (const line of lines) to.write(`${rendered(line, to)}\n`)
  }
  const linesOf = (text: string) => text.replace(/\n$/, '').split('\n')
  const rows = () => (isInteractive && out.rows) || Number.POSITIVE_INFINITY
  const showCursor = () => {
    if (isHidden) out.write(SHOW_CURSOR)
    isHidden = false
  }
  function draw(picture: readonly Line[]): void {
    const lines = picture.map((line) => rendered(line, out))
    const text = lines.map((line) => `${line}\n`).join('')
    if (text === drawn) return
    drawn = text
    if (!isInteractive) return void out.write(text)
    isHidden = true
    const isTooHigh = lines.length >= rows()
    // A picture that is too high scrolls, so the rest of the old one is cleared first.
    if (isTooHigh) out.write(up(linesDrawn) + CLEAR_BELOW)
    out.write(pictureOver(isTooHigh ? 0 : linesDrawn, lines))
    linesDrawn = isTooHigh ? 0 : lines.length
  }

  function settle(): void {
    linesDrawn = 0
    drawn = ''
    showCursor()
  }

  return {
    isInteractive,
    canAsk: isInteractive && input.isTTY === true,
    columns: () => (isInteractive && out.columns) || Number.POSITIVE_INFINITY,
    rows,
    print: (lines) => write(out, typeof lines === 'string' ? [lines] : lines),
    printJson: (value, indent) => void out.write(`${plainJson(value, indent)}\n`),
    complain: (text) => write(errors, linesOf(text)),
    printText: (text) => write(out, linesOf(text)),
    draw,
    settle,
    wipe() {
      if (isInteractive && linesDrawn > 0) out.write(up(linesDrawn) + CLEAR_BELOW)
      settle()
    },
    async ask(question, stop) {
      const asking = createInterface({ input, output: out })
      // While the terminal is read, Ctrl-C and Ctrl-D arrive as these events, not as signals.
      const ended = new Promise<never>((_, reject) => {
        for (const event of ['close', 'SIGINT'] as const) asking.once(event, () => reject(new Interrupted()))
      })
      try {
        return await Promise.race([asking.question(plain(question), { signal: stop }), ended])
      } catch {
        throw new Interrupted()
      } finally {
        ended.catch(() => undefined)
        asking.close()
      }
    },
  }
}
