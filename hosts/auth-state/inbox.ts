/** Messages that were decrypted and that nobody has taken yet. WhatsApp forgets a message when it gets the receipt, and
 *  its key is used up when the session is stored: from then on this is the only copy. All of them stand in one item, so
 *  that its first read under a new epoch shuts out an older socket: what that one has put in is seen, and what it can not
 *  put in any more it can not acknowledge either. */
import type { BinaryNode } from '@whiskeysockets/baileys'
import { inboxKey } from '../../core/auth-item.ts'
import type { Clock } from '../../core/clock.ts'
import type { AuthItems } from './items.ts'
import { deserialise, serialise } from './serialise.ts'
import { savesInOrder } from './turns.ts'

/** Together with the limit on characters: what WhatsApp holds back for a device whose messages nobody takes. */
const KEPT_MAX = 200
/** Far below what an item may hold, also with one more stanza of the largest size. */
const KEPT_CHARACTERS_MAX = 100_000
/** A larger one is handed over like the others, but it is not stored. No text and no thumbnail is that large. */
const STANZA_CHARACTERS_MAX = 150_000
/** A message that nobody has taken for so long is given up. */
const KEPT_MS_MAX = 14 * 86_400_000
/** Remembered after they were taken: those for which the receipt may have been lost with the socket. */
const TAKEN_MAX = 32

/** A stanza in which the ciphertexts that were decrypted have been replaced by their plaintexts. */
export interface KeptStanza {
  /** Of all its ciphertexts: the same again when WhatsApp delivers it again. */
  readonly hash: string
  readonly keptAt: number
  readonly stanza: BinaryNode
  /** Its ciphertexts that are not decrypted yet: it is handed over when there are none. */
  readonly missing: number
}

export interface Inbox {
  /** What is known of a stanza: it is kept, or it was taken lately. */
  find(hash: string): Promise<KeptStanza | 'taken' | undefined>
  /** Resolves when it is stored, in place of what was kept under its hash. @throws what the store threw */
  keep(kept: KeptStanza): Promise<void>
  /** Waits until one more may be kept. @returns false when `until` was aborted before */
  room(until: AbortSignal): Promise<boolean>
  /** Waits until there are complete ones. @returns them, oldest first; none when `until` was aborted before */
  waiting(until: AbortSignal): Promise<KeptStanza[]>
  /** Somebody has them now. Resolves when that is stored. */
  take(hashes: readonly string[]): Promise<void>
}

interface Stored {
  readonly kept: readonly KeptStanza[]
  readonly taken: readonly string[]
}

export function openInbox(
  items: Pick<AuthItems, 'read' | 'write'>,
  clock: Pick<Clock, 'wallMs'>,
  credentialsId: string,
): Inbox {
  const key = inboxKey(credentialsId)
  const kept = new Map<string, KeptStanza>()
  const characters = new Map<string, number>()
  let taken: string[] = []
  let loading: Promise<void> | undefined
  const listeners = new Set<() => void>()

  const put = (entry: KeptStanza) => {
    kept.set(entry.hash, entry)
    characters.set(entry.hash, serialise(entry).length)
  }
  const drop = (hash: string) => {
    kept.delete(hash)
    characters.delete(hash)
  }
  const sizeOf = (hash: string) => characters.get(hash) ?? 0
  const isFull = () =>
    kept.size >= KEPT_MAX ||
    [...kept.keys()].reduce((sum, hash) => sum + sizeOf(hash), 0) >= KEPT_CHARACTERS_MAX

  async function load(): Promise<void> {
    const text = await items.read(key)
    const stored = text === undefined ? { kept: [], taken: [] } : (deserialise(text) as Stored)
    for (const entry of stored.kept) if (clock.wallMs() - entry.keptAt < KEPT_MS_MAX) put(entry)
    taken = [...stored.taken]
  }
  const loaded = () => {
    loading ??= load().catch((error: unknown) => {
      loading = undefined
      throw error
    })
    return loading
  }
  // whole: this socket is the only one that may write it, so that a save whose answer was lost is made good by the next
  const save = savesInOrder(() => {
    const small = [...kept.values()].filter(({ hash }) => sizeOf(hash) <= STANZA_CHARACTERS_MAX)
    return items.write(key, serialise({ kept: small, taken }))
  })
  const tell = () => {
    for (const listener of [...listeners]) listener()
  }
  const changed = (until: AbortSignal) =>
    new Promise<void>((resolve) => {
      const done = () => {
        listeners.delete(done)
        until.removeEventListener('abort', done)
        resolve()
      }
      listeners.add(done)
      until.addEventListener('abort', done)
    })

  return {
    async find(hash) {
      await loaded()
      return kept.get(hash) ?? (taken.includes(hash) ? 'taken' : undefined)
    },
    async keep(entry) {
      await loaded()
      const before = kept.get(entry.hash)
      put(entry)
      try {
        await save()
      } catch (error) {
        if (before) put(before)
        else drop(entry.hash)
        throw error
      }
      tell()
    },
    async room(until) {
      await loaded()
      // a stanza that stayed incomplete gives way: it was not acknowledged, so that it comes again
      for (const { hash, missing } of kept.values()) if (missing > 0 && isFull()) drop(hash)
      while (isFull() && !until.aborted) await changed(until)
      return !isFull()
    },
    async waiting(until) {
      await loaded()
      for (;;) {
        const complete = [...kept.values()].filter(({ missing }) => missing === 0)
        if (complete.length > 0 || until.aborted) return until.aborted ? [] : complete
        await changed(until)
      }
    },
    async take(hashes) {
      await loaded()
      for (const hash of hashes) drop(hash)
      taken = [...taken, ...hashes].slice(-TAKEN_MAX)
      tell()
      await save()
    },
  }
}
