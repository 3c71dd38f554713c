/** A terminal that keeps what it is told. */
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
    paint: (_style, text) => text,
    print: (lines) => void printed.push(...[lines].flat()),
    draw: (lines) => void drawn.push(...lines),
    settle: () => undefined,
    wipe: () => undefined,
    ask: () => Promise.reject(new Error('nobody can be asked')),
  }
}
