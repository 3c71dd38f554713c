/** Keeps the messages of one device that were decrypted and that the application has not taken yet. WhatsApp
 *  forgets a message when it gets the receipt, and the message's key is used up when the session is stored.
 *  From then on this is the only copy. All messages are in one item. Its first read under a new epoch shuts
 *  out the older socket: it can neither keep nor acknowledge anything more. */
import type { BinaryNode } from '@whiskeysockets/baileys'
import type { Clock } from '../../core/clock.ts'
import { inboxKey } from '../../core/store/auth-item-row.ts'
import type { AuthItems } from './items.ts'
import { deserialise, serialise } from './serialise.ts'
import { savesInOrder } from './turns.ts'

/** Beyond this, or the limit on characters, WhatsApp holds the messages of a device whose application takes
 *  none. */
const KEPT_MAX = 200
/** Far below the limit of an item, even with one more stanza of the largest size. */
const KEPT_CHARACTERS_MAX = 100_000
/** A larger stanza is delivered like the others, but it is not stored. No text and no thumbnail is that
 *  large. */
const STANZA_CHARACTERS_MAX = 150_000
/** A message that the application has not taken for this long is given up. */
const KEPT_MS_MAX = 14 * 86_400_000
/** Taken messages that are remembered, since their receipts may have been lost with the socket. */
const TAKEN_MAX = 32
/** Hardly any person is told without a LID. Each number takes some 15 characters of every save. */
const BY_NUMBER_MAX = 500

/** A stanza in which the ciphertexts that were decrypted have been replaced by their plaintexts. */
export interface KeptStanza {
  /** Over all its ciphertexts, so it is the same when WhatsApp delivers the stanza again. */
  readonly hash: string
  readonly keptAt: number
  readonly stanza: BinaryNode
  /** How many of its ciphertexts are not decrypted yet. The stanza is delivered when none is left. */
  readonly missing: number
  /** Rises with each complete stanza, over all sockets of the device. Items of older versions have none. */
  readonly seq?: number
}

export interface Inbox {
  /** Tells whether a stanza is kept, or was taken lately. */
  find(hash: string): Promise<KeptStanza | 'taken' | undefined>
  /** Resolves when the stanza is stored, in place of an earlier one of its hash. @throws what the store
   *  threw */
  keep(kept: KeptStanza): Promise<void>
  /** Waits until one more stanza may be kept. @returns false when `until` was aborted before */
  room(until: AbortSignal): Promise<boolean>
  /** Waits for complete stanzas. @returns them, by rising `seq`; none when `until` was aborted before */
  waiting(until: AbortSignal): Promise<KeptStanza[]>
  /** Drops stanzas that the application has taken. Resolves when that is stored. */
  take(hashes: readonly string[]): Promise<void>
  /** Phone numbers of persons who were told by number before their LID was known. Stored with the next
   *  `take`. */
  readonly byNumber: NumberSet
}

export interface NumberSet {
  has(pn: string): boolean
  add(pn: string): void
}

interface Stored {
  readonly kept: readonly KeptStanza[]
  readonly taken: readonly string[]
  /** Missing in the items of older versions. */
  readonly lastSeq?: number
  readonly byNumber?: readonly string[]
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
  let lastSeq = 0
  const byNumber = new Set<string>()
  let loading: Promise<void> | undefined
  /** Kept and not yet stored. Delivered now, such a stanza could come again under another `seq`. */
  const unstored = new Set<string>()
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

  /** `seq` is at least the time of day, so that it goes on rising when the device is linked again with an
   *  empty inbox. */
  const numbered = (entry: KeptStanza, atLeast: number): KeptStanza => {
    if (entry.missing > 0 || entry.seq !== undefined) return entry
    lastSeq = Math.max(lastSeq + 1, Math.floor(atLeast))
    return { ...entry, seq: lastSeq }
  }

  async function load(): Promise<void> {
    const text = await items.read(key)
    const stored: Stored = text === undefined ? { kept: [], taken: [] } : (deserialise(text) as Stored)
    lastSeq = Math.max(stored.lastSeq ?? 0, ...stored.kept.map(({ seq = 0 }) => seq))
    for (const entry of stored.kept) {
      // Numbered by the time it was kept, so it gets the same number again if this server ends before it has
      // saved.
      if (clock.wallMs() - entry.keptAt < KEPT_MS_MAX) put(numbered(entry, entry.keptAt))
    }
    for (const pn of stored.byNumber ?? []) byNumber.add(pn)
    taken = [...stored.taken]
  }
  const loaded = () => {
    loading ??= load().catch((error: unknown) => {
      loading = undefined
      throw error
    })
    return loading
  }
  // Saved whole: only this socket may write the item, so the next save repairs one whose answer was lost.
  const save = savesInOrder(() => {
    const small = [...kept.values()].filter(({ hash }) => sizeOf(hash) <= STANZA_CHARACTERS_MAX)
    const stored: Stored = { kept: small, taken, lastSeq, byNumber: [...byNumber] }
    return items.write(key, serialise(stored))
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
      put(numbered(entry, clock.wallMs()))
      unstored.add(entry.hash)
      try {
        await save()
      } catch (error) {
        if (before) put(before)
        else drop(entry.hash)
        throw error
      } finally {
        unstored.delete(entry.hash)
      }
      tell()
    },
    async room(until) {
      await loaded()
      // An incomplete stanza gives way: it was not acknowledged, so WhatsApp delivers it again.
      for (const { hash, missing } of kept.values()) if (missing > 0 && isFull()) drop(hash)
      while (isFull() && !until.aborted) await changed(until)
      return !isFull()
    },
    async waiting(until) {
      await loaded()
      for (;;) {
        const complete = [...kept.values()].filter(
          ({ hash, missing }) => missing === 0 && !unstored.has(hash),
        )
        if (until.aborted) return []
        if (complete.length > 0) return complete.sort((a, b) => (a.seq ?? 0) - (b.seq ?? 0))
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
    byNumber: {
      has: (pn) => byNumber.has(pn),
      add(pn) {
        byNumber.add(pn)
        for (const oldest of byNumber) if (byNumber.size > BY_NUMBER_MAX) byNumber.delete(oldest)
      },
    },
  }
}
