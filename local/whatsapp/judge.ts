/** The judge counts what must never happen in a fleet: overlaps and conflicts. Pure: the simulator reports
 *  each event with its time. */

/** Limits of the lists of gaps and incidents, so that a long run cannot fill the memory. Counts go on above
 *  them. */
const GAPS_KEPT_MAX = 100_000
export const INCIDENTS_KEPT_MAX = 10_000

export interface LoggedInSocket {
  readonly id: number
  readonly label: string
}

/** Two sockets of one account were logged in at the same time. `until` is absent while both still are. */
export interface Overlap {
  readonly account: string
  readonly older: string
  readonly newer: string
  readonly from: string
  readonly until?: string
  readonly durationMs?: number
}

/** `overlap`: a second login of the account came. `foreign`: the control asked for the conflict, as if a
 *  client outside the fleet had caused it. */
export type ConflictKind = 'overlap' | 'foreign'

/** The server told a socket that it is replaced, which the client reports as status 440. */
export interface Conflict {
  readonly account: string
  readonly kind: ConflictKind
  /** The socket that lost. */
  readonly struck: string
  /** The socket whose login caused it. */
  readonly by?: string
  readonly at: string
}

export interface MessageCounts {
  /** Messages that devices sent to the server. */
  sent: number
  /** Texts of devices that a contact decrypted for the first time. */
  decrypted: number
  /** Texts of devices that came again under an id that the contact had seen. */
  duplicates: number
  /** Copies of messages of devices that a contact could not decrypt. */
  undecryptable: number
  /** Texts that contacts wrote to devices. */
  texted: number
  /** Messages whose receipt a device sent. */
  received: number
  /** Messages that a device refused. */
  nacked: number
  /** Messages that waited for a device when it was unlinked. */
  dropped: number
  /** Retry requests of devices. */
  retries: number
}

export interface Report {
  readonly since: string
  readonly accounts: number
  readonly openSockets: number
  readonly logins: number
  readonly refusedLogins: number
  readonly pairings: number
  readonly overlaps: readonly Overlap[]
  readonly conflicts: Readonly<Record<ConflictKind, number>>
  readonly conflictList: readonly Conflict[]
  readonly gapsSeconds: GapSummary
  readonly messages: Readonly<MessageCounts>
}

export interface GapSummary {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export interface Judge {
  paired(): void
  refused(): void
  loggedIn(account: string, socket: LoggedInSocket, atMs: number): void
  closed(account: string, socketId: number, atMs: number): void
  conflicted(
    account: string,
    kind: ConflictKind,
    struck: LoggedInSocket,
    atMs: number,
    by?: LoggedInSocket,
  ): void
  count(what: keyof MessageCounts, by?: number): void
  report(accounts: number): Report
  /** Forgets all counts. Open sockets and gaps that have begun are remembered. */
  reset(atMs: number): void
}

interface OpenOverlap {
  readonly account: string
  readonly older: LoggedInSocket
  readonly newer: LoggedInSocket
  readonly fromMs: number
  untilMs?: number
}

export function makeJudge(startedAtMs: number): Judge {
  const open = new Map<string, LoggedInSocket[]>()
  const withoutSocketSinceMs = new Map<string, number>()
  let tally = emptyTally(startedAtMs)

  return {
    paired: () => tally.pairings++,
    refused: () => tally.refusedLogins++,
    loggedIn(account, socket, atMs) {
      tally.logins++
      const others = open.get(account) ?? []
      for (const older of others) keep(tally.overlaps, { account, older, newer: socket, fromMs: atMs })
      open.set(account, [...others, socket])
      const sinceMs = withoutSocketSinceMs.get(account)
      if (sinceMs !== undefined && tally.gapsMs.length < GAPS_KEPT_MAX) tally.gapsMs.push(atMs - sinceMs)
      withoutSocketSinceMs.delete(account)
    },
    closed(account, socketId, atMs) {
      for (const overlap of tally.overlaps) {
        const ends = overlap.older.id === socketId || overlap.newer.id === socketId
        if (ends && overlap.account === account) overlap.untilMs ??= atMs
      }
      const left = (open.get(account) ?? []).filter(({ id }) => id !== socketId)
      if (left.length > 0) {
        open.set(account, left)
      } else if (open.delete(account)) {
        withoutSocketSinceMs.set(account, atMs)
      }
    },
    conflicted(account, kind, struck, atMs, by) {
      tally.conflicts[kind]++
      keep(tally.conflictList, {
        account,
        kind,
        struck: struck.label,
        ...(by && { by: by.label }),
        at: iso(atMs),
      })
    },
    count: (what, by = 1) => {
      tally.messages[what] += by
    },
    report: (accounts) => ({
      since: iso(tally.sinceMs),
      accounts,
      openSockets: [...open.values()].reduce((sum, sockets) => sum + sockets.length, 0),
      logins: tally.logins,
      refusedLogins: tally.refusedLogins,
      pairings: tally.pairings,
      overlaps: tally.overlaps.map(describe),
      conflicts: { ...tally.conflicts },
      conflictList: [...tally.conflictList],
      gapsSeconds: summarise(tally.gapsMs),
      messages: { ...tally.messages },
    }),
    reset(atMs) {
      tally = emptyTally(atMs)
    },
  }
}

/** Nearest-rank percentiles, in seconds. */
export function summarise(gapsMs: readonly number[]): GapSummary {
  const sorted = gapsMs.toSorted((a, b) => a - b)
  const atRank = (share: number) => (sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0) / 1000
  return { count: sorted.length, p50: atRank(0.5), p99: atRank(0.99), max: atRank(1) }
}

function emptyTally(sinceMs: number) {
  return {
    sinceMs,
    logins: 0,
    refusedLogins: 0,
    pairings: 0,
    overlaps: [] as OpenOverlap[],
    conflicts: { overlap: 0, foreign: 0 },
    conflictList: [] as Conflict[],
    gapsMs: [] as number[],
    messages: {
      sent: 0,
      decrypted: 0,
      duplicates: 0,
      undecryptable: 0,
      texted: 0,
      received: 0,
      nacked: 0,
      dropped: 0,
      retries: 0,
    },
  }
}

function keep<T>(list: T[], incident: T): void {
  if (list.length < INCIDENTS_KEPT_MAX) list.push(incident)
}

function describe({ account, older, newer, fromMs, untilMs }: OpenOverlap): Overlap {
  const overlap = { account, older: older.label, newer: newer.label, from: iso(fromMs) }
  if (untilMs === undefined) return overlap
  return { ...overlap, until: iso(untilMs), durationMs: untilMs - fromMs }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
