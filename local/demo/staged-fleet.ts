/** A fleet as the demo sees it, with Mooring or without: its view, and the faults that can strike it. */
import type { Simulator } from '../whatsapp/simulator.ts'
import type { FleetView, ServerView } from './drawing.ts'
import { type Act, actOf } from './tally.ts'

export interface StagedFleet {
  /** How many devices the fleet has. */
  readonly devices: number
  readonly simulator: Simulator
  /** Reads the fleet's own tables; `servers` shows what was read last. */
  look(): Promise<void>
  /** All servers that were started, including those that have ended. */
  servers(): ServerView[]
  startServer(name: string): Promise<void>
  /** Whether the server takes part in the fleet. */
  hasJoined(name: string): Promise<boolean>
  signal(name: string, signal: NodeJS.Signals): void
  hasExited(name: string): boolean
}

/** Sums up, act by act, what the simulator counts. */
export interface Scoreboard {
  view(): FleetView
  /** How many devices have a socket now. */
  connected(): number
  /** The counts since the end of the act before. */
  endAct(): Act
}

export function scoreboard(fleet: StagedFleet): Scoreboard {
  const { simulator } = fleet
  const before = { overlaps: 0, conflicts: 0 }
  return {
    view() {
      const report = simulator.report()
      const { overlaps, conflicts } = actOf(report)
      return {
        devices: fleet.devices,
        servers: fleet.servers(),
        judge: {
          sockets: report.openSockets,
          overlaps: before.overlaps + overlaps,
          conflicts: before.conflicts + conflicts,
        },
      }
    },
    connected: () =>
      connectedPerServer(simulator)
        .values()
        .reduce((sum, count) => sum + count, 0),
    endAct() {
      const act = actOf(simulator.report())
      simulator.resetReport()
      before.overlaps += act.overlaps
      before.conflicts += act.conflicts
      return act
    },
  }
}

/** Counts sockets by server; the label of each socket is `<server>:<port>`. */
export function connectedPerServer(simulator: Simulator): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { connectedTo } of simulator.accounts()) {
    if (connectedTo === undefined) continue
    const server = connectedTo.slice(0, connectedTo.lastIndexOf(':'))
    counts.set(server, (counts.get(server) ?? 0) + 1)
  }
  return counts
}
