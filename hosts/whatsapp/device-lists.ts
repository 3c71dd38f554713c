/** The lists of devices that contacts have, as Baileys is handed them: what a send has found out before it takes the
 *  device's lock is still there when Baileys looks for it under the lock, so that it asks WhatsApp nothing meanwhile. */
import type { CacheStore } from '@whiskeysockets/baileys'
import type { Clock, Mark } from '../../core/clock.ts'

/** As long as Baileys itself trusts a list. */
const FRESH_MS_MAX = 5 * 60_000
/** Contacts and members of groups of one device; those that were used longest ago go first. */
const USERS_MAX = 5000

export interface DeviceLists extends CacheStore {
  /** Whether WhatsApp need not be asked for them. */
  isFresh(user: string): boolean
  /** Until it is released, the list stays as it is for Baileys, however old it gets. */
  pin(users: readonly string[]): { release(): void }
}

interface Entry {
  readonly list: unknown
  readonly at: Mark
  /** It changed: it is asked for again, unless a send is about to use it. */
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
