/** Judges each moment at which one account had two sockets. Pure: the simulator's report and the chaos'
 *  record go in. */
import type { Overlap } from '../../local/whatsapp/judge.ts'
import type { ServerRecord, Span, Spell } from './record.ts'

export type Verdict =
  /** Two running processes held a socket for one device. */
  | 'both running'
  /** A server that was not the owner took the owner's socket. */
  | 'owner replaced'
  /** The owner took the socket of a server that was frozen, unreachable or gone. Nobody can prevent that. */
  | 'stale replaced'

export interface Judged {
  readonly overlap: Overlap
  readonly verdict: Verdict
  readonly why: string
}

export interface Evidence {
  readonly servers: ReadonlyMap<string, ServerRecord>
  /** The owner of the account's device at that moment, named as in the labels of sockets. */
  ownerAt(account: string, atMs: number): string | undefined
  /** The name under which the server's process is recorded. */
  nameOf(server: string): string
  /** A server that was in trouble for less than this cannot have lost its devices, so a freeze excuses
   *  nothing. */
  readonly leaseMsMin: number
  /** Overlaps that still last end here. */
  readonly untilMs: number
}

/** A process that wakes closes its sockets before it acts, but it needs a processor for that. On a busy
 *  machine that takes a second. */
export const WAKING_MS_MAX = 1500
/** Troubles in which a process cannot close a socket so that WhatsApp sees it. */
const HELPLESS = new Set(['frozen', 'unreachable'])

export function judge(overlaps: readonly Overlap[], evidence: Evidence): Judged[] {
  return overlaps.map((overlap) => ({ overlap, ...judgeOne(overlap, evidence) }))
}

function judgeOne(overlap: Overlap, evidence: Evidence): Omit<Judged, 'overlap'> {
  const fromMs = Date.parse(overlap.from)
  const [older, newer] = [serverOf(overlap.older), serverOf(overlap.newer)]
  const owner = evidence.ownerAt(overlap.account, fromMs)
  if (owner === older && newer !== older)
    return { verdict: 'owner replaced', why: `${older} was the owner, ${newer} was not` }
  const excuse = excuseOf(evidence.nameOf(older), overlap, evidence)
  return excuse
    ? { verdict: 'stale replaced', why: `${older} ${excuse}` }
    : { verdict: 'both running', why: `${older} and ${newer} ran, and ${owner ?? 'nobody'} was the owner` }
}

/** Why the server of that name could not close its socket before the newer login, nor earlier than it did. */
function excuseOf(name: string, overlap: Overlap, evidence: Evidence): string | undefined {
  const fromMs = Date.parse(overlap.from)
  const untilMs = overlap.until ? Date.parse(overlap.until) : evidence.untilMs
  const { runs, spells } = evidence.servers.get(name) ?? { runs: [], spells: [] }
  const endOf = (span: Span) => span.untilMs ?? evidence.untilMs
  const covers = (spell: Spell) =>
    spell.fromMs <= fromMs && Math.max(fromMs, untilMs) <= endOf(spell) + WAKING_MS_MAX
  const spell = spells.find((one) => HELPLESS.has(one.what) && covers(one))
  if (spell && fromMs - troubledSince(spells, spell) >= evidence.leaseMsMin) return `was ${spell.what}`
  return runs.some((run) => run.fromMs <= fromMs && fromMs <= endOf(run)) ? undefined : 'was gone'
}

/** The beginning of the unbroken chain of troubles that led to this spell. A lease may have been ending
 *  before a freeze. */
function troubledSince(spells: readonly Spell[], spell: Spell): number {
  const before = spells.filter(
    (one) => one.fromMs < spell.fromMs && (one.untilMs ?? Number.POSITIVE_INFINITY) >= spell.fromMs,
  )
  return Math.min(spell.fromMs, ...before.map((one) => troubledSince(spells, one)))
}

/** A label is `<server>:<port>`. */
export function serverOf(label: string): string {
  return label.slice(0, label.lastIndexOf(':'))
}
