/** Keeps the ages of the work that one device's socket has begun and not ended, and finds the work that has
 *  stalled. Time passes only by ticks. So the time of a kind can stand still while the kind waits for
 *  something that has a limit of its own. */
import type { Clock } from '../../core/clock.ts'

/** `login`: from the connect until WhatsApp lets it in or shows a QR. `send`: from the call until WhatsApp's
 *  confirmation. `query`: until WhatsApp answers it or a later one. `decrypt`: from the stanza until it is
 *  decrypted or refused. `store`: one request of the auth state. `lock`: the wait for the device's lock. */
export const WORK_KINDS = ['login', 'send', 'query', 'decrypt', 'store', 'lock'] as const
export type WorkKind = (typeof WORK_KINDS)[number]

/** Work of these kinds waits for other work of its kind, and a long queue that moves is no stall. So it ages
 *  from the time when work of its kind last ended. */
const IN_A_ROW: readonly WorkKind[] = ['decrypt', 'lock']
/** A login asks three queries in turn, and each may stay unanswered. */
const LOGIN_LIMITS = 1.4
/** After a failed try the next one follows within this, or the work was given up. */
const NEXT_TRY_MS_MAX = 5000

export interface Stall {
  readonly kind: WorkKind
  /** When the oldest work began, by the time of day: for people. */
  readonly since: number
  /** Says what the work waits for. */
  readonly words: string
}

export interface Work {
  /** The work goes on, and now waits for something else. */
  waitsFor(words: string): void
  /** The work is tried again from the start, and its age begins again. */
  again(): void
  /** The work failed, and is tried again under the same key. */
  failed(): void
  end(): void
}

export interface StallEvents {
  /** Called at every tick while the stall lasts. */
  stalled(stall: Stall): void
  /** The stalled work was answered. */
  recovered(): void
}

export interface DeviceWatch {
  /** @param key names work that is tried several times: its age goes on over tries that fail */
  begin(kind: WorkKind, words: string, key?: string): Work
  /** Work of these kinds does not age during the pause, since it waits for something that has a limit of its
   *  own.
   *  @returns a function that ends the pause; it ends by itself after `msMax` */
  pause(kinds: readonly WorkKind[], msMax: number): () => void
  oldestMs(): number
  close(): void
}

interface Piece {
  readonly kind: WorkKind
  readonly key: string | undefined
  words: string
  /** When it began: in the time of its kind, and by the time of day. */
  since: number
  sinceWall: number
  /** When its first try began; `again` does not change it. */
  readonly firstSince: number
  leavesAt: number | undefined
}

interface Pause {
  readonly kinds: readonly WorkKind[]
  leftMs: number
}

export function watchDevice(clock: Clock, stallAfterMs: number, events: StallEvents) {
  const pieces = new Set<Piece>()
  const byKey = new Map<string, Piece>()
  const pauses = new Set<Pause>()
  const agedMs: Record<WorkKind, number> = { login: 0, send: 0, query: 0, decrypt: 0, store: 0, lock: 0 }
  /** When work of a kind last ended: in the time of its kind, and by the time of day. */
  const progress = new Map<WorkKind, { since: number; sinceWall: number }>()
  let isStalled = false

  const limitOf = (kind: WorkKind) => stallAfterMs * (kind === 'login' ? LOGIN_LIMITS : 1)
  const beginOf = ({ kind, since, sinceWall }: Piece) => {
    const moved = progress.get(kind)
    return moved && moved.since > since ? moved : { since, sinceWall }
  }
  const ageOf = (piece: Piece) => agedMs[piece.kind] - beginOf(piece).since

  const drop = (piece: Piece) => {
    pieces.delete(piece)
    if (piece.key !== undefined && byKey.get(piece.key) === piece) byKey.delete(piece.key)
  }

  function workOf(piece: Piece): Work {
    return {
      waitsFor(words) {
        piece.words = words
      },
      again() {
        piece.since = agedMs[piece.kind]
        piece.sinceWall = clock.wallMs()
      },
      failed() {
        piece.leavesAt = agedMs[piece.kind] + NEXT_TRY_MS_MAX
      },
      end() {
        if (!pieces.has(piece)) return
        drop(piece)
        if (!IN_A_ROW.includes(piece.kind)) return
        progress.set(piece.kind, { since: agedMs[piece.kind], sinceWall: clock.wallMs() })
      },
    }
  }

  /** A store that is slow, or tried again, holds up all other work, and has a limit of its own. */
  const storeIsSlow = (tickMs: number) =>
    [...pieces].some(({ kind, firstSince }) => kind === 'store' && agedMs.store - firstSince > tickMs)

  function age(ms: number, tickMs: number): void {
    const isSlow = storeIsSlow(tickMs)
    const paused = new Set([...pauses].flatMap(({ kinds }) => kinds))
    for (const kind of WORK_KINDS) {
      if (kind !== 'store' && (isSlow || paused.has(kind))) continue
      agedMs[kind] += ms
    }
    for (const pause of pauses) {
      pause.leftMs -= ms
      if (pause.leftMs <= 0) pauses.delete(pause)
    }
    for (const piece of pieces) {
      if (piece.leavesAt !== undefined && agedMs[piece.kind] > piece.leavesAt) drop(piece)
    }
  }

  function stall(): Stall | undefined {
    const late = [...pieces].filter((piece) => ageOf(piece) >= limitOf(piece.kind))
    const [oldest] = late.sort((a, b) => beginOf(a).sinceWall - beginOf(b).sinceWall)
    return oldest && { kind: oldest.kind, words: oldest.words, since: beginOf(oldest).sinceWall }
  }

  const watch: Omit<DeviceWatch, 'close'> = {
    begin(kind, words, key) {
      const before = key === undefined ? undefined : byKey.get(key)
      if (before) {
        before.leavesAt = undefined
        return workOf(before)
      }
      const since = agedMs[kind]
      const piece: Piece = {
        kind,
        key,
        words,
        since,
        firstSince: since,
        sinceWall: clock.wallMs(),
        leavesAt: undefined,
      }
      pieces.add(piece)
      if (key !== undefined) byKey.set(key, piece)
      return workOf(piece)
    },
    pause(kinds, msMax) {
      const pause = { kinds, leftMs: msMax }
      pauses.add(pause)
      return () => void pauses.delete(pause)
    },
    oldestMs: () => [...pieces].reduce((oldest, piece) => Math.max(oldest, ageOf(piece)), 0),
  }
  return {
    watch,
    tick(ms: number, tickMs: number) {
      age(ms, tickMs)
      const found = stall()
      if (found) events.stalled(found)
      else if (isStalled) events.recovered()
      isStalled = found !== undefined
    },
  }
}

const NO_WORK: Work = {
  waitsFor: () => undefined,
  again: () => undefined,
  failed: () => undefined,
  end: () => undefined,
}

/** Serves an auth state whose socket is not watched. */
export const UNWATCHED: DeviceWatch = {
  begin: () => NO_WORK,
  pause: () => () => undefined,
  oldestMs: () => 0,
  close: () => undefined,
}
