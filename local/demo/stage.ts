/** The terminal of the demo: text that stays, and below it a picture that is drawn again in place. Without a
 *  terminal, both are plain lines. */
import { styleText } from 'node:util'
import { CLEAR_BELOW, pictureOver, SHOW_CURSOR, up } from '../../cli/ansi.ts'
import { type Canvas, wrap } from './drawing.ts'

const WIDTH_MAX = 100
const FRAME_EVERY_MS = 125
/** Without a terminal a picture is one line. */
const LINE_EVERY_MS = 2000
const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const MARGIN = '  '

export interface Picture {
  readonly lines: readonly string[]
  /** Printed in place of the lines where there is no terminal to draw on. */
  readonly inOneLine?: string
  /** The present work, in a few words. */
  readonly status: string
}

export interface Stage {
  canvas(): Canvas
  /** A sentence of its own, broken into lines. */
  say(text: string): void
  print(lines: readonly string[]): void
  title(text: string): void
  /** Draws the picture again and again until it is settled. */
  show(draw: (canvas: Canvas) => Picture): void
  /** The last picture stays as it is. */
  settle(): void
  /** Shows `status` until the work is done. */
  during<Result>(status: string, work: Promise<Result>): Promise<Result>
  verdict(isGood: boolean, text: string): void
}

/** @param elapsedMs since the demo began */
export function openStage(out: NodeJS.WriteStream, elapsedMs: () => number): Stage {
  const isTerminal = out.isTTY === true
  let draw: ((canvas: Canvas) => Picture) | undefined
  let timer: NodeJS.Timeout | undefined
  let linesDrawn = 0
  let frames = 0

  const canvas = (): Canvas => ({
    width: Math.min(WIDTH_MAX, out.columns || WIDTH_MAX),
    paint: (style, text) => styleText(style, text, { stream: out }),
  })
  const print = (lines: readonly string[]) => void out.write(lines.map((line) => `${line}\n`).join(''))
  const seconds = () => `${Math.floor(elapsedMs() / 1000)} s`.padStart(5)

  function drawInPlace(): void {
    if (!draw) return
    const { paint } = canvas()
    const { lines, status } = draw(canvas())
    const spinner = SPINNER[frames++ % SPINNER.length] ?? ''
    const all = [...lines, `${MARGIN}${paint('cyan', spinner)}${paint('dim', seconds())}  ${status}`]
    out.write(pictureOver(linesDrawn, all))
    linesDrawn = all.length
  }

  function drawAsLine(): void {
    if (!draw) return
    const { inOneLine, status } = draw(canvas())
    print([[seconds(), inOneLine, status].filter(Boolean).join('  ').slice(0, WIDTH_MAX)])
  }

  const wrapped = (text: string) => wrap(text, canvas().width - 3 * MARGIN.length)
  const stage: Stage = {
    canvas,
    print,
    say: (text) => print(wrapped(text).map((line) => MARGIN + line)),
    verdict(isGood, text) {
      const mark = canvas().paint(isGood ? 'green' : ['red', 'bold'], isGood ? '✔' : '✘')
      print(['', ...wrapped(text).map((line, at) => `${MARGIN}${at === 0 ? mark : ' '} ${line}`)])
    },
    async during(status, work) {
      stage.show(() => ({ lines: [], status }))
      try {
        return await work
      } finally {
        stage.settle()
      }
    },
    title: (text) => print(['', canvas().paint(['bold', 'cyan'], text)]),
    show(picture) {
      draw = picture
      const frame = isTerminal ? drawInPlace : drawAsLine
      frame()
      timer = setInterval(frame, isTerminal ? FRAME_EVERY_MS : LINE_EVERY_MS)
    },
    settle() {
      clearInterval(timer)
      if (!draw) return
      if (isTerminal) {
        drawInPlace()
        // The status line is removed when its work is done.
        out.write(up(1) + CLEAR_BELOW + SHOW_CURSOR)
      } else print(draw(canvas()).lines)
      draw = undefined
      linesDrawn = 0
    },
  }
  return stage
}
