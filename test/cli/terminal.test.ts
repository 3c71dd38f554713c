import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { describe, test } from 'node:test'
import { openTerminal } from '../../cli/terminal.ts'

const SHOW_CURSOR = '\u001b[?25h'
const HIDE_CURSOR = '\u001b[?25l'

/** @param rows of the terminal; without them the output is no terminal */
function aTerminal(rows?: number) {
  const stream = new PassThrough()
  const out = Object.assign(stream, rows === undefined ? {} : { isTTY: true, rows, columns: 80 })
  const terminal = openTerminal({
    out: out as unknown as NodeJS.WriteStream,
    errors: new PassThrough(),
    input: new PassThrough() as never,
  })
  return { terminal, written: () => String(stream.read() ?? '') }
}

describe('in a terminal', () => {
  test('a picture is drawn over the one before', () => {
    const { terminal, written } = aTerminal(24)
    terminal.draw(['one', 'two'])
    written()

    terminal.draw(['three', 'four'])

    assert.ok(written().includes('\u001b[2A\rthree\u001b[K\nfour\u001b[K\n\u001b[J'))
  })

  test('the cursor is hidden while a picture is drawn, and shown once when it is settled', () => {
    const { terminal, written } = aTerminal(24)
    terminal.draw(['one'])
    assert.ok(written().startsWith(HIDE_CURSOR))

    terminal.settle()
    terminal.settle()

    assert.equal(written(), SHOW_CURSOR)
  })

  test('a picture that is higher than the terminal is never drawn over', () => {
    const { terminal, written } = aTerminal(3)
    terminal.draw(['one', 'two', 'three'])
    terminal.draw(['one', 'two', 'four'])

    assert.ok(!written().includes('A\rone'))
  })

  test('a picture that is wiped leaves nothing', () => {
    const { terminal, written } = aTerminal(24)
    terminal.draw(['one', 'two'])
    written()

    terminal.wipe()

    assert.equal(written(), `\u001b[2A\r\u001b[J${SHOW_CURSOR}`)
  })
})

test('without a terminal a picture is printed when it has changed, without control characters', () => {
  const { terminal, written } = aTerminal()
  for (const line of ['waiting', 'waiting', 'done']) terminal.draw([line])
  terminal.settle()

  assert.equal(written(), 'waiting\ndone\n')
})
