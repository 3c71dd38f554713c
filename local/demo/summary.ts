/** Draws the results of the two fleets side by side. Pure. */
import type { GapSummary } from '../whatsapp/judge.ts'
import type { Canvas, Paint } from './drawing.ts'
import { type Outcome, totalsOf } from './tally.ts'

const MARGIN = '  '
const LABEL_WIDTH = 42
const VALUE_WIDTH = 17

interface Value {
  readonly text: string
  /** Absent where there is nothing to judge. */
  readonly isGood?: boolean
}

const ROWS: readonly { readonly label: string; readonly of: (fleet: Outcome) => Value }[] = [
  { label: 'conflicts (440), each a socket replaced', of: (fleet) => mustBeZero(totalsOf(fleet).conflicts) },
  { label: 'overlaps: moments with two sockets', of: (fleet) => mustBeZero(totalsOf(fleet).overlaps) },
  { label: 'devices struck by a conflict', of: (fleet) => mustBeZero(totalsOf(fleet).devicesStruck) },
  { label: 'seconds without a socket, p50 / p99 / max', of: () => ({ text: '' }) },
  { label: '  a server is killed (SIGKILL)', of: ({ killed }) => ({ text: gapText(killed.gaps) }) },
  { label: '  a server is drained (SIGTERM)', of: ({ drained }) => ({ text: gapText(drained.gaps) }) },
  {
    label: 'devices connected at the end',
    of: ({ connectedAtEnd, devices }) => ({
      text: `${connectedAtEnd} of ${devices}`,
      isGood: connectedAtEnd === devices,
    }),
  },
]

export function drawSummary(naive: Outcome, mooring: Outcome, { paint }: Canvas): string[] {
  const heading = 'without Mooring'.padStart(VALUE_WIDTH) + 'with Mooring'.padStart(VALUE_WIDTH)
  return [
    MARGIN + ' '.repeat(LABEL_WIDTH) + paint('bold', heading),
    ...ROWS.map(({ label, of }) => {
      const values = [naive, mooring].map((fleet) => drawValue(of(fleet), paint))
      return (MARGIN + label.padEnd(LABEL_WIDTH) + values.join('')).trimEnd()
    }),
  ]
}

export function gapText({ count, p50, p99, max }: GapSummary): string {
  return count === 0 ? 'none' : [p50, p99, max].map((seconds) => seconds.toFixed(1)).join(' / ')
}

function mustBeZero(count: number): Value {
  return { text: String(count), isGood: count === 0 }
}

function drawValue({ text, isGood }: Value, paint: Paint): string {
  const cell = text.padStart(VALUE_WIDTH)
  if (isGood === undefined) return cell
  return paint(isGood ? 'green' : ['red', 'bold'], cell)
}
