/** A fleet as the demo sees it, with Mooring or without: what it looks like, and what can be done to it. */
import type { Simulator } from '../whatsapp/simulator.ts'
import type { FleetView, ServerView } from './drawing.ts'
import { type Act, actOf } from './tally.ts'

export interface StagedFleet {
  /** How many it has. */
  readonly devices: number
  readonly simulator: Simulator
  /** Reads the fleet's own tables; `servers` tells what it found. */
  look(): Promise<void>
  /** All that were started, those that have ended included. */
  servers(): ServerView[]
  startServer(name: string): Promise<void>
  /** Whether it takes part in the fleet. */
  hasJoined(name: string): Promise<boolean>
  signal(name: string, signal: NodeJS.Signals): void
  hasExited(name: string): boolean
}

/** Keeps what the simulator counted, act by act. */
export interface Scoreboard {
  view(): FleetView
  /** Devices that have a socket now. */
  connected(): number
  /** What was counted since the act before. */
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

/** By the name that a server's sockets carry: each is labelled `<server>:<port>`. */
export function connectedPerServer(simulator: Simulator): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { connectedTo } of simulator.accounts()) {
    if (connectedTo === undefined) continue
    const server = connectedTo.slice(0, connectedTo.lastIndexOf(':'))
    counts.set(server, (counts.get(server) ?? 0) + 1)
  }
  return counts
}
