/** Draws a fleet as lines of text. Pure. */
import type { styleText } from 'node:util'

export type Paint = (style: Parameters<typeof styleText>[0], text: string) => string

export interface Canvas {
  /** In characters. */
  readonly width: number
  readonly paint: Paint
}

export interface ServerView {
  readonly name: string
  readonly pid: number
  readonly state: string
  /** How many devices the server owns. */
  readonly devices: number
  /** Open sockets, as the simulator sees them. */
  readonly sockets: number
}

export interface JudgeView {
  readonly sockets: number
  readonly overlaps: number
  readonly conflicts: number
}

export interface FleetView {
  readonly servers: readonly ServerView[]
  readonly judge: JudgeView
  /** How many devices the whole fleet has. */
  readonly devices: number
}

const BAR_CELLS_MAX = 40
const BAR_CELLS_MIN = 10
const MARGIN = '  '
const COLUMNS = [
  { title: 'server', width: 12, right: false },
  { title: 'pid', width: 8, right: false },
  { title: 'state', width: 10, right: false },
  { title: 'devices', width: 7, right: true },
  { title: 'connected', width: 11, right: true },
] as const
const TABLE_WIDTH = MARGIN.length + COLUMNS.reduce((sum, { width }) => sum + width, 0)
const GONE = new Set(['dead', 'stopped', 'killed', 'ended'])

export function drawFleet({ servers, judge, devices }: FleetView, canvas: Canvas): string[] {
  const { paint, width } = canvas
  const cells = Math.min(BAR_CELLS_MAX, Math.max(BAR_CELLS_MIN, width - TABLE_WIDTH - 2 * MARGIN.length))
  const rows = servers.map((server) => {
    const row = cellsOf([server.name, server.pid, server.state, server.devices, server.sockets])
    if (GONE.has(server.state)) return MARGIN + paint('dim', row)
    return `${MARGIN}${row}${MARGIN}${drawBar(server, devices, cells, paint)}`
  })
  return [
    MARGIN + paint('bold', cellsOf(COLUMNS.map(({ title }) => title))),
    ...rows,
    '',
    drawJudge(judge, paint),
  ]
}

/** The length of the bar is the server's share of the fleet. Devices without a socket are shaded. */
export function drawBar(
  { devices, sockets }: Pick<ServerView, 'devices' | 'sockets'>,
  all: number,
  cells: number,
  paint: Paint,
): string {
  const cellsFor = (count: number) => Math.min(cells, Math.ceil((cells * count) / Math.max(1, all)))
  const open = cellsFor(sockets)
  const waiting = Math.max(0, cellsFor(devices) - open)
  const rest = cells - open - waiting
  return (
    paint('green', '█'.repeat(open)) + paint('yellow', '▒'.repeat(waiting)) + paint('dim', '·'.repeat(rest))
  )
}

function drawJudge({ sockets, overlaps, conflicts }: JudgeView, paint: Paint): string {
  const mustBeZero = (count: number, what: string) =>
    paint(count === 0 ? 'green' : ['red', 'bold'], counted(count, what))
  return [
    `${MARGIN}${paint('bold', 'WhatsApp sees')}`,
    `${counted(sockets, 'socket')} open`,
    mustBeZero(overlaps, 'overlap'),
    mustBeZero(conflicts, 'conflict'),
  ].join('   ')
}

/** The fleet where there is no room for a table. */
export function inOneLine({ judge: { sockets, overlaps, conflicts } }: FleetView): string {
  return [counted(sockets, 'socket'), counted(overlaps, 'overlap'), counted(conflicts, 'conflict')].join(', ')
}

export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

function cellsOf(values: readonly (string | number)[]): string {
  const cells = COLUMNS.map(({ width, right }, at) => {
    const text = String(values[at] ?? '').slice(0, width)
    return right ? text.padStart(width) : text.padEnd(width)
  })
  return cells.join('')
}

/** Breaks a text without colours into lines of at most `width` characters. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (line && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line ? `${line} ${word}` : word
  }
  return line ? [...lines, line] : lines
}
