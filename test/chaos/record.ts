/** The record of the chaos: when the process of each server ran, and when it was frozen, unreachable or cut
 *  off. */

/** `frozen` and `unreachable`: the server cannot close a socket so that WhatsApp sees it. The others touch
 *  its lease alone. */
export type Trouble = 'frozen' | 'unreachable' | 'requests lost' | 'answers lost' | 'database cut' | 'slow'

export interface Span {
  readonly fromMs: number
  /** Absent while it lasts. */
  untilMs?: number
}

export interface Spell extends Span {
  readonly what: Trouble
}

/** How a process ended. */
export interface ProcessEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** The service had stopped the task: SIGTERM first. */
  readonly stopped?: boolean
}

/** The run of one process. */
export interface Run extends Span {
  /** When the chaos sent a signal that ends it. */
  askedAtMs?: number
  end?: ProcessEnd
}

/** A strike at one device and no server: from outside, or by something that WhatsApp sent it. */
export interface DeviceStrike extends Span {
  /** A jid. */
  readonly account: string
  readonly what: string
}

/** The record of the server of one name. Its processes follow one another, and its network outlives them. */
export interface ServerRecord {
  readonly runs: Run[]
  readonly spells: Spell[]
}

/** A line of the run's story. */
export interface Told {
  readonly atMs: number
  readonly what: string
}

/** The name for a trouble of all servers. It excuses no server from being exclusive. */
export const EVERY_SERVER = '*'

export interface ChaosRecord {
  readonly servers: ReadonlyMap<string, ServerRecord>
  readonly deviceStrikes: readonly DeviceStrike[]
  readonly story: readonly Told[]
  started(name: string): void
  /** The chaos is about to end the process of that server. */
  asked(name: string): void
  ended(name: string, end: ProcessEnd): void
  /** @returns ends the strike */
  strikeDevice(account: string, what: string): () => void
  begin(name: string, what: Trouble): void
  end(name: string, what: Trouble): void
  tell(what: string): void
}

export function createRecord(nowMs: () => number): ChaosRecord {
  const servers = new Map<string, ServerRecord>()
  const deviceStrikes: DeviceStrike[] = []
  const story: Told[] = []
  const of = (name: string) => {
    const known = servers.get(name) ?? { runs: [], spells: [] }
    servers.set(name, known)
    return known
  }
  const stop = (spans: readonly Span[]) => {
    for (const span of spans) span.untilMs ??= nowMs()
  }
  const end = (name: string, what: Trouble) => stop(of(name).spells.filter((spell) => spell.what === what))
  return {
    servers,
    deviceStrikes,
    story,
    started: (name) => void of(name).runs.push({ fromMs: nowMs() }),
    asked(name) {
      const run = of(name).runs.at(-1)
      if (run) run.askedAtMs ??= nowMs()
    },
    ended(name, how) {
      const run = of(name).runs.at(-1)
      if (run) run.end = how
      stop(of(name).runs)
      end(name, 'frozen')
    },
    begin: (name, what) => void of(name).spells.push({ what, fromMs: nowMs() }),
    end,
    strikeDevice(account, what) {
      const strike: DeviceStrike = { account, what, fromMs: nowMs() }
      deviceStrikes.push(strike)
      return () => stop([strike])
    },
    tell: (what) => void story.push({ atMs: nowMs(), what }),
  }
}
