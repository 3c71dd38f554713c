/** A terminal that keeps what it is told. */
import { type Line, rendered } from '../../../cli/lines.ts'
import type { Terminal } from '../../../cli/terminal.ts'

export interface TestTerminal extends Terminal {
  readonly drawn: string[]
  readonly printed: string[]
}

export function aTerminal(isInteractive: boolean): TestTerminal {
  const drawn: string[] = []
  const printed: string[] = []
  return {
    drawn,
    printed,
    isInteractive,
    canAsk: false,
    columns: () => Number.POSITIVE_INFINITY,
    rows: () => Number.POSITIVE_INFINITY,
    print: (lines) => void printed.push(...(typeof lines === 'string' ? [lines] : lines.map(plainly))),
    printJson: (value) => void printed.push(JSON.stringify(value)),
    complain: (text) => void printed.push(text),
    printText: (text) => void printed.push(text),
    draw: (lines) => void drawn.push(...lines.map(plainly)),
    settle: () => undefined,
    wipe: () => undefined,
    ask: () => Promise.reject(new Error('nobody can be asked')),
  }
}

function plainly(line: Line): string {
  return rendered(line, process.stdout)
}
