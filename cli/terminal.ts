/** Where a command prints: text that stays, and a picture that is drawn again in place. Without a terminal, plain lines. */
import { createInterface } from 'node:readline/promises'
import { styleText } from 'node:util'
import { Interrupted } from './failures.ts'

const HIDE_CURSOR = '\u001b[?25l'
const SHOW_CURSOR = '\u001b[?25h'
/** A line that is too long is cut by the terminal: a wrapped one would spoil the count of lines. */
const NO_WRAP = '\u001b[?7l'
const WRAP = '\u001b[?7h'
const CLEAR_LINE_END = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'

export interface Terminal {
  /** Whether a person looks on, and pictures can be drawn in place. */
  readonly isInteractive: boolean
  /** Whether somebody can be asked. */
  readonly canAsk: boolean
  /** In characters; Infinity without a terminal. */
  columns(): number
  rows(): number
  paint(style: Parameters<typeof styleText>[0], text: string): string
  print(lines: readonly string[] | string): void
  /** Draws over the picture before. One that is higher than the terminal is printed below instead, and so is every one
   *  without a terminal; both only when it has changed. */
  draw(lines: readonly string[]): void
  /** The last picture stays as it is, and the cursor is shown. */
  settle(): void
  /** Takes the last picture away, and shows the cursor. */
  wipe(): void
  /** @throws Interrupted when it is ended instead of answered */
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
  const up = () => (linesDrawn > 0 ? `\u001b[${linesDrawn}A\r` : '')

  function draw(lines: readonly string[]): void {
    const text = lines.map((line) => `${line}${isInteractive ? CLEAR_LINE_END : ''}\n`).join('')
    if (text === drawn) return
    drawn = text
    if (!isInteractive) return void out.write(text)
    isHidden = true
    const isTooHigh = lines.length >= rows()
    out.write(HIDE_CURSOR + NO_WRAP + up() + (isTooHigh ? CLEAR_BELOW : '') + text + CLEAR_BELOW + WRAP)
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
      if (isInteractive && linesDrawn > 0) out.write(up() + CLEAR_BELOW)
      settle()
    },
    async ask(question, stop) {
      const asking = createInterface({ input, output: out })
      // Ctrl-C and Ctrl-D come here while the terminal is read.
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
