/** Tells in words what an import would do, and what it has done. Pure. */
import { type Column, drawTable } from '../table.ts'
import { counted, few } from '../words.ts'
import type { Outcome } from './carry-out.ts'
import type { Intent, Planned } from './plan.ts'

const NOTES_SHOWN_MAX = 5

const WILL_BE: Readonly<Record<Intent, string>> = {
  import: 'to import',
  finish: 'to finish',
  register: 'to register, not linked',
  done: 'there already',
  skip: 'skipped',
}

const WAS: Readonly<Record<Outcome['outcome'], string>> = {
  imported: 'imported',
  registered: 'registered, not linked',
  done: 'there already',
  skipped: 'skipped',
  failed: 'failed',
}

const HOLDS: Readonly<Record<Intent, string>> = {
  import: 'whole',
  finish: 'whole',
  register: 'not linked',
  done: 'whole',
  skip: 'unusable',
}

/** The digest is no fact for people or scripts. */
export function withoutDigest({ digest, ...planned }: Planned): Omit<Planned, 'digest'> {
  return planned
}

/** Every device with what it holds, and not only those with a remark. */
export function drawCheck(judged: readonly Planned[], kind: string, width: number): string[] {
  const lines = judged.map(({ intent, ...rest }) => ({ ...rest, how: HOLDS[intent] }))
  return draw(lines, kind, width)
}

export function drawPlan(planned: readonly Planned[], kind: string, width: number): string[] {
  const lines = planned.map(({ intent, ...rest }) => ({ ...rest, how: WILL_BE[intent] }))
  return draw(lines, kind, width)
}

export function drawReport(outcomes: readonly Outcome[], kind: string, width: number): string[] {
  const lines = outcomes.map(({ outcome, ...rest }) => ({ ...rest, how: WAS[outcome] }))
  return draw(lines, kind, width)
}

interface Line extends Pick<Planned, 'from' | 'deviceId' | 'why' | 'notes'> {
  readonly how: string
}

/** A table of the devices with a remark, then how many devices there are of each kind. */
function draw(lines: readonly Line[], kind: string, width: number): string[] {
  const columns: Column<Line>[] = [
    { title: kind.toUpperCase(), of: ({ from }) => from },
    { title: 'DEVICE', of: ({ deviceId }) => deviceId },
    { title: 'WHAT', of: ({ how }) => how },
    {
      title: 'WHY',
      of: ({ why, notes }) => [...(why ? [why] : []), ...few(notes, NOTES_SHOWN_MAX)].join('; '),
    },
  ]
  const remarked = lines.filter(({ why, notes }) => why !== undefined || notes.length > 0)
  const counts = Map.groupBy(lines, ({ how }) => how)
  const sums = [...counts].map(([how, all]) => `${all.length} ${how}`)
  return [
    ...(remarked.length > 0 ? [...drawTable(columns, remarked, width), ''] : []),
    `${counted(lines.length, kind)}: ${sums.join(', ') || 'nothing to import'}`,
  ]
}
