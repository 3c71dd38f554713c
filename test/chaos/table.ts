/** The outcome of a run in figures, fleets side by side. Pure: values go in, lines come out. */
import { INCIDENTS_KEPT_MAX } from '../../local/whatsapp/judge.ts'
import type { Outcome } from './outcome.ts'

const LABEL_WIDTH = 58
const VALUE_WIDTH = 16

/** `isBad`: a figure that must be 0 and is not. The table marks it. */
interface Cell {
  readonly text: string
  readonly isBad?: boolean
}
type Row = readonly [label: string, of: (outcome: Outcome) => Cell]

const VERDICTS: readonly Row[] = [
  [
    'two running servers with a socket for one device',
    ({ verdicts, judged }) => zero(verdicts['both running'], judged),
  ],
  [
    'an owner replaced by a server that was not',
    ({ verdicts, judged }) => zero(verdicts['owner replaced'], judged),
  ],
  [
    'a stale socket of a frozen or unreachable server replaced',
    ({ verdicts, judged }) => count(verdicts['stale replaced'], judged),
  ],
  ['stale auth writes accepted', ({ staleWrites }) => (staleWrites ? zero(staleWrites.accepted) : UNKNOWN)],
  ['stale auth writes refused', ({ staleWrites }) => (staleWrites ? count(staleWrites.refused) : UNKNOWN)],
  ['texts lost', ({ textsLost }) => zero(textsLost)],
  [
    "devices lost to another device's fault",
    ({ devicesLost }) => (devicesLost ? zero(devicesLost.length) : UNKNOWN),
  ],
  ['servers lost to a device', ({ serversLost }) => zero(serversLost.length)],
  ['devices quarantined at the end', ({ quarantined }) => (quarantined ? zero(quarantined.length) : UNKNOWN)],
  ['devices not connected at the end', ({ missing }) => zero(missing.length)],
  ['kinds of keys found in the logs', ({ keysInLogs }) => (keysInLogs ? zero(keysInLogs.length) : UNKNOWN)],
  ['devices whose credentials differ from those of WhatsApp', ({ differing }) => zero(differing.length)],
]

const FIGURES: readonly Row[] = [
  ['conflicts (440) sent by WhatsApp', ({ report }) => count(report.conflicts.overlap)],
  ['  devices that met a conflict', ({ report }) => count(struckDevices(report.conflictList))],
  ['moves to another server', ({ moves }) => count(moves)],
  ['logins', ({ report }) => count(report.logins)],
  ['seconds without a socket, p50', ({ report }) => seconds(report.gapsSeconds.p50)],
  ['seconds without a socket, p99', ({ report }) => seconds(report.gapsSeconds.p99)],
  ['seconds without a socket, max', ({ report }) => seconds(report.gapsSeconds.max)],
  ['seconds from the end of the faults until all were connected', (o) => seconds(o.connectedAfterMs / 1000)],
  ['texts to devices', ({ report }) => count(report.messages.texted)],
  ['  received', ({ report }) => count(report.messages.received)],
  ['  dropped with a device that was unlinked', ({ report }) => count(report.messages.dropped)],
  ['  waiting for their device at the end', ({ textsWaiting }) => count(textsWaiting.forDevices)],
  ['  waiting for a device that was removed', ({ textsWaiting }) => count(textsWaiting.forRemoved)],
  ['  refused by the device', ({ report }) => count(report.messages.nacked)],
  ['texts of devices', ({ report }) => count(report.messages.sent)],
  ['  read by the contact', ({ report }) => count(report.messages.decrypted)],
  ['  not readable at first', ({ report }) => count(report.messages.undecryptable)],
  [
    'devices that answered their last text',
    ({ words }) => ({ text: `${words.asked - words.unanswered.length} of ${words.asked}` }),
  ],
  ['auth states compared', ({ auth }) => count(auth.length)],
  ['ms by which this machine was late, p99', ({ lateMsP99 }) => count(Math.round(lateMsP99))],
]

const UNKNOWN: Cell = { text: '-' }

export function drawTable(outcomes: readonly Outcome[]): string[] {
  const row = (label: string, cells: readonly Cell[]) =>
    `${label.padEnd(LABEL_WIDTH)}${cells.map(draw).join('')}`.trimEnd()
  const rows = (all: readonly Row[]) => all.map(([label, of]) => row(label, outcomes.map(of)))
  const kinds = [...new Set(outcomes.flatMap(({ struck }) => [...struck.keys()]))].sort()
  return [
    row(
      '',
      outcomes.map(({ fleet }) => ({ text: fleet === 'naive' ? 'without Mooring' : 'with Mooring' })),
    ),
    'faults',
    ...kinds.map((kind) =>
      row(
        `  ${kind}`,
        outcomes.map(({ struck }) => count(struck.get(kind) ?? 0)),
      ),
    ),
    'results',
    ...rows(FIGURES),
    'must be 0, except for stale sockets replaced and stale writes refused',
    ...rows(VERDICTS),
  ]
}

function draw({ text, isBad }: Cell): string {
  return `${isBad ? '! ' : ''}${text}`.padStart(VALUE_WIDTH)
}

/** @param of the list that the figure counts. The simulator keeps a limited number of its entries */
function zero(figure: number, of: readonly unknown[] = []): Cell {
  return { ...count(figure, of), isBad: figure !== 0 }
}

function count(figure: number, of: readonly unknown[] = []): Cell {
  const isMore = of.length >= INCIDENTS_KEPT_MAX
  return { text: `${figure}${isMore ? ' or more' : ''}` }
}

function seconds(figure: number): Cell {
  return { text: figure.toFixed(1) }
}

function struckDevices(conflicts: Outcome['report']['conflictList']): number {
  return new Set(conflicts.filter(({ kind }) => kind === 'overlap').map(({ account }) => account)).size
}
