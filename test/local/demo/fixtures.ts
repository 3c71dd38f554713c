/** Outcomes, fleets and terminals for the tests of the demo. */
import { PassThrough } from 'node:stream'
import type { Canvas, FleetView } from '../../../local/demo/drawing.ts'
import type { Act, Outcome } from '../../../local/demo/tally.ts'

export const PLAIN_80: Canvas = { width: 80, paint: (_, text) => text }

export const QUIET_ACT: Act = {
  overlaps: 0,
  conflicts: 0,
  struck: [],
  gaps: { count: 20, p50: 0.7, p99: 0.94, max: 0.94 },
}

export function outcome(different: Partial<Outcome> = {}): Outcome {
  return {
    start: QUIET_ACT,
    killed: QUIET_ACT,
    drained: QUIET_ACT,
    devices: 60,
    connectedAtEnd: 60,
    ...different,
  }
}

export function fleetView(different: Partial<FleetView> = {}): FleetView {
  return {
    devices: 60,
    servers: [{ name: 'server-1', pid: 4711, state: 'active', devices: 30, sockets: 15 }],
    judge: { sockets: 15, overlaps: 0, conflicts: 0 },
    ...different,
  }
}

export interface Written {
  readonly out: NodeJS.WriteStream
  text(): string
}

/** A stream that keeps what is written to it, as a terminal or as a pipe. */
export function output(kind: 'terminal' | 'pipe', columns = 80): Written {
  const stream = new PassThrough()
  let text = ''
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  const out = Object.assign(stream, kind === 'terminal' ? { isTTY: true, columns } : {})
  return { out: out as unknown as NodeJS.WriteStream, text: () => text }
}
