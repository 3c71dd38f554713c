/** Leaves a session as it was when it did not decrypt the message. libsignal tries a message on every session
 *  with the contact. A session that fails stays half a step ahead, and the contact cannot read the next
 *  message on it. So this repair restores it. The fault comes whenever a message of an older session arrives
 *  after Baileys has begun a newer one. Baileys begins a newer one at the first send of every socket. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { type MakeSignalRepository, withTransactions } from './repository.ts'

/** The part of a stored session record that this repair looks at. */
interface SessionRecord {
  readonly _sessions: Record<string, { readonly indexInfo: { readonly used: number } }>
}

/** The records that the decrypt in this async context has read, by their ids. */
const readByThis = new AsyncLocalStorage<Map<string, SessionRecord>>()

export function keepUnusedSessions(make: MakeSignalRepository): MakeSignalRepository {
  return (auth, logger, pnToLID) => {
    const shared = withTransactions(auth.keys)
    const keys: typeof shared = {
      ...shared,
      async get(type, ids) {
        const found = await shared.get(type, ids)
        const records = type === 'session' ? readByThis.getStore() : undefined
        if (!records) return found
        const predated = Object.entries(found).map(([id, value]) => {
          if (!isRecord(value)) return [id, value]
          records.set(id, value)
          return [id, usedEarlier(value)]
        })
        return Object.fromEntries(predated)
      },
      async set(data) {
        const records = readByThis.getStore()
        if (!records || !data.session) return shared.set(data)
        const session = Object.entries(data.session).map(([id, value]) => {
          const before = records.get(id)
          return [id, before && isRecord(value) ? withOneChange(before, value) : value]
        })
        return shared.set({ ...data, session: Object.fromEntries(session) })
      },
    }
    const repository = make({ ...auth, keys }, logger, pnToLID)
    return {
      ...repository,
      // A `pkmsg` names its session, so libsignal tries no other.
      decryptMessage: (message) =>
        message.type === 'msg'
          ? readByThis.run(new Map(), () => repository.decryptMessage(message))
          : repository.decryptMessage(message),
    }
  }
}

/** Copies a record with every `used` time moved back 1 ms. libsignal sets `used` to now, so an unchanged
 *  value means that the session was not used, even if its last use was in this millisecond. */
function usedEarlier({ _sessions, ...rest }: SessionRecord): SessionRecord {
  const sessions = Object.entries(_sessions).map(([baseKey, session]) => [
    baseKey,
    { ...session, indexInfo: { ...session.indexInfo, used: session.indexInfo.used - 1 } },
  ])
  return { ...rest, _sessions: Object.fromEntries(sessions) }
}

/** @returns the record as it was before, except for the session that was used */
function withOneChange(before: SessionRecord, after: SessionRecord): SessionRecord {
  const sessions = Object.entries(after._sessions).map(([baseKey, session]) => {
    const old = before._sessions[baseKey]
    const isUnused = old !== undefined && session.indexInfo.used === old.indexInfo.used - 1
    return [baseKey, isUnused ? old : session]
  })
  return { ...after, _sessions: Object.fromEntries(sessions) }
}

function isRecord(value: unknown): value is SessionRecord {
  return typeof value === 'object' && value !== null && '_sessions' in value
}
