/** Tells in words what an import would do, and what it has done. Pure. */
import { type Column, drawTable } from '../table.ts'
import { counted, few } from '../words.ts'
import type { Outcome } from './carry-out.ts'
import type { Holdings } from './credentials/holdings.ts'
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
  const columns: Column<(typeof lines)[number]>[] = [
    { title: kind.toUpperCase(), of: ({ from }) => from },
    { title: 'DEVICE', of: ({ deviceId }) => deviceId },
    { title: 'ACCOUNT', of: ({ holdings }) => holdings?.jid },
    { title: 'PRE-KEYS', of: ({ holdings }) => holdings?.preKeys, right: true },
    { title: 'SESSIONS', of: ({ holdings }) => holdings?.sessions, right: true },
    { title: 'SENDER KEYS', of: ({ holdings }) => holdings?.senderKeys, right: true },
    { title: 'APP STATE', of: ({ holdings }) => holdings && appStateOf(holdings), right: true },
    { title: 'WHAT', of: ({ how }) => how },
    { title: 'WHY, AND WHAT WOULD BE LOST', of: remarks, continues: true },
  ]
  return [...drawTable(columns, lines, width), '', sums(lines, kind)]
}

/** Keys and versions. */
function appStateOf({ appStateKeys, appStateVersions }: Holdings): string {
  return `${appStateKeys}+${appStateVersions}`
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
    { title: 'WHY', of: remarks, continues: true },
  ]
  const remarked = lines.filter(({ why, notes }) => why !== undefined || notes.length > 0)
  return [...(remarked.length > 0 ? [...drawTable(columns, remarked, width), ''] : []), sums(lines, kind)]
}

function remarks({ why, notes }: Pick<Planned, 'why' | 'notes'>): string {
  return [...(why ? [why] : []), ...few(notes, NOTES_SHOWN_MAX, ': see --json or --report')].join('; ')
}

function sums(lines: readonly { readonly how: string }[], kind: string): string {
  const counts = Map.groupBy(lines, ({ how }) => how)
  const told = [...counts].map(([how, all]) => `${all.length} ${how}`)
  return `${counted(lines.length, kind)}: ${told.join(', ') || 'nothing to import'}`
}
