/** Caches the device lists of contacts for Baileys. A send fetches them before it takes the device's lock,
 *  and pins them. When Baileys looks for them under the lock they are still there, so it does not ask
 *  WhatsApp while it holds the lock. */
import type { CacheStore } from '@whiskeysockets/baileys'
import type { Clock, Mark } from '../../core/clock.ts'

/** Baileys itself trusts a list for this long. */
const FRESH_MS_MAX = 5 * 60_000
/** Contacts and members of groups of one device. The lists that were set longest ago go first. */
const USERS_MAX = 5000

export interface DeviceLists extends CacheStore {
  /** Whether the user's list is known and young enough not to be asked for. */
  isFresh(user: string): boolean
  /** Baileys sees the lists as they are, however old they get, until `release` is called. */
  pin(users: readonly string[]): { release(): void }
}

interface Entry {
  readonly list: unknown
  readonly at: Mark
  /** The list has changed. It is asked for again, but a send that has pinned it still uses it. */
  stale: boolean
}

export function createDeviceLists(clock: Pick<Clock, 'mark' | 'elapsedMs'>): DeviceLists {
  const entries = new Map<string, Entry>()
  const pins = new Map<string, number>()

  const isFresh = (entry: Entry | undefined): entry is Entry =>
    entry !== undefined && !entry.stale && clock.elapsedMs(entry.at) < FRESH_MS_MAX
  const unpin = (user: string) => {
    const left = (pins.get(user) ?? 1) - 1
    if (left > 0) pins.set(user, left)
    else pins.delete(user)
  }

  return {
    isFresh: (user) => isFresh(entries.get(user)),
    pin(users) {
      const mine = [...new Set(users)]
      for (const user of mine) pins.set(user, (pins.get(user) ?? 0) + 1)
      return {
        release() {
          for (const user of mine.splice(0)) unpin(user)
        },
      }
    },
    get<List>(user: string): List | undefined {
      const entry = entries.get(user)
      return isFresh(entry) || pins.has(user) ? (entry?.list as List | undefined) : undefined
    },
    set(user, list) {
      entries.delete(user)
      entries.set(user, { list, at: clock.mark(), stale: false })
      for (const oldest of entries.keys()) {
        if (entries.size <= USERS_MAX) break
        if (!pins.has(oldest)) entries.delete(oldest)
      }
    },
    del(user) {
      const entry = entries.get(user)
      if (entry && pins.has(user)) entry.stale = true
      else entries.delete(user)
    },
    flushAll: () => entries.clear(),
  }
}
