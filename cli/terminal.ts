/** Where a command prints: text that stays, and a picture that is drawn again in place. Without a terminal,
 *  both are plain lines. */
import { createInterface } from 'node:readline/promises'
import { styleText } from 'node:util'
import { CLEAR_BELOW, pictureOver, SHOW_CURSOR, up } from './ansi.ts'
import { Interrupted } from './failures.ts'

export interface Terminal {
  /** Whether a person is watching, so that pictures are drawn in place. */
  readonly isInteractive: boolean
  /** Whether a person can be asked a question. */
  readonly canAsk: boolean
  /** In characters; Infinity without a terminal. */
  columns(): number
  rows(): number
  paint(style: Parameters<typeof styleText>[0], text: string): string
  print(lines: readonly string[] | string): void
  /** Draws over the picture before. A picture that is higher than the terminal is printed below instead.
   *  Without a terminal every picture is printed below. A picture that has not changed is not drawn again. */
  draw(lines: readonly string[]): void
  /** The last picture stays as it is, and the cursor is shown. */
  settle(): void
  /** Removes the last picture, and shows the cursor. */
  wipe(): void
  /** @throws Interrupted when the person ends the question instead of answering it */
  ask(question: string, stop: AbortSignal): Promise<string>
}

export function openTerminal(out: NodeJS.WriteStream, input: NodeJS.ReadStream): Terminal {
  const isInteractive = out.isTTY === true
  let linesDrawn = 0
  let drawn = ''
  let isHidden = false

  const print = (lines: readonly string[] | string) => {
    for (const line of typeof lines === 'string' ? [lines] : lines) out.write(`${line}\n`)
  }
  const rows = () => (isInteractive && out.rows) || Number.POSITIVE_INFINITY
  const showCursor = () => {
    if (isHidden) out.write(SHOW_CURSOR)
    isHidden = false
  }
  function draw(lines: readonly string[]): void {
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
    paint: (style, text) => styleText(style, text, { stream: out }),
    print,
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
        return await Promise.race([asking.question(question, { signal: stop }), ended])
      } catch {
        throw new Interrupted()
      } finally {
        ended.catch(() => undefined)
        asking.close()
      }
    },
  }
}
