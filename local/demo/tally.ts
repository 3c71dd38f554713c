/** Adds up the simulator's counts over the acts. Pure. */
import type { GapSummary, Report } from '../whatsapp/judge.ts'

/** The part of the simulator's report that the demo uses. */
export type Counted = Pick<Report, 'overlaps' | 'conflictList' | 'conflicts' | 'gapsSeconds'>

export interface Act {
  readonly overlaps: number
  /** How many sockets were closed with status 440. */
  readonly conflicts: number
  /** The accounts of those sockets. */
  readonly struck: readonly string[]
  /** Times from the loss of a socket to the next login. */
  readonly gaps: GapSummary
}

export interface Outcome {
  readonly start: Act
  readonly killed: Act
  readonly drained: Act
  readonly devices: number
  readonly connectedAtEnd: number
}

export interface Totals {
  readonly overlaps: number
  readonly conflicts: number
  readonly devicesStruck: number
}

export function actOf({ overlaps, conflicts, conflictList, gapsSeconds }: Counted): Act {
  return {
    overlaps: overlaps.length,
    conflicts: conflicts.overlap + conflicts.foreign,
    struck: [...new Set(conflictList.map(({ account }) => account))],
    gaps: gapsSeconds,
  }
}

export function totalsOf({ start, killed, drained }: Pick<Outcome, 'start' | 'killed' | 'drained'>): Totals {
  const acts = [start, killed, drained]
  const sum = (of: (act: Act) => number) => acts.reduce((total, act) => total + of(act), 0)
  return {
    overlaps: sum((act) => act.overlaps),
    conflicts: sum((act) => act.conflicts),
    devicesStruck: new Set(acts.flatMap(({ struck }) => struck)).size,
  }
}

/** Mooring's promise: no device ever has two sockets, and all devices are connected at the end. */
export function isKept(outcome: Outcome): boolean {
  const { overlaps, conflicts } = totalsOf(outcome)
  return overlaps === 0 && conflicts === 0 && outcome.connectedAtEnd === outcome.devices
}
