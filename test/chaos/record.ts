/** The chaos' own record: when the process of each server ran, and when it was frozen, unreachable, or cut off. */

/** `frozen` and `unreachable`: the server can close no socket so that WhatsApp sees it. The others trouble its lease alone. */
export type Trouble = 'frozen' | 'unreachable' | 'requests lost' | 'answers lost' | 'database cut' | 'slow'

export interface Span {
  readonly fromMs: number
  /** Absent while it lasts. */
  untilMs?: number
}

export interface Spell extends Span {
  readonly what: Trouble
}

/** What happened to the server of one name: its processes follow one another, and its network outlives them. */
export interface ServerRecord {
  readonly runs: Span[]
  readonly spells: Spell[]
}

/** A line of the run's story. */
export interface Told {
  readonly atMs: number
  readonly what: string
}

export interface ChaosRecord {
  readonly servers: ReadonlyMap<string, ServerRecord>
  readonly story: readonly Told[]
  started(name: string): void
  ended(name: string): void
  begin(name: string, what: Trouble): void
  end(name: string, what: Trouble): void
  tell(what: string): void
}

export function createRecord(nowMs: () => number): ChaosRecord {
  const servers = new Map<string, ServerRecord>()
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
    story,
    started: (name) => void of(name).runs.push({ fromMs: nowMs() }),
    ended(name) {
      stop(of(name).runs)
      end(name, 'frozen')
    },
    begin: (name, what) => void of(name).spells.push({ what, fromMs: nowMs() }),
    end,
    tell: (what) => void story.push({ atMs: nowMs(), what }),
  }
}
