/** libsignal tries a message on every session that it has with a contact, and a session on which it fails is left half a
 *  step ahead: the contact cannot read what is encrypted on it. That happens whenever a message of an older session comes
 *  after Baileys has begun a newer one, which it does at the first send of every socket. Here only the session that a
 *  message was decrypted on changes. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { type MakeSignalRepository, withTransactions } from './repository.ts'

/** The part of a stored session record that matters here. */
interface SessionRecord {
  readonly _sessions: Record<string, { readonly indexInfo: { readonly used: number } }>
}

/** The records that a decrypt has read, by their ids. */
const read = new AsyncLocalStorage<Map<string, SessionRecord>>()

export function untouchedSessions(make: MakeSignalRepository): MakeSignalRepository {
  return (auth, logger, pnToLID) => {
    const shared = withTransactions(auth.keys)
    const keys: typeof shared = {
      ...shared,
      async get(type, ids) {
        const found = await shared.get(type, ids)
        const records = type === 'session' ? read.getStore() : undefined
        if (!records) return found
        const dated = Object.entries(found).map(([id, value]) => {
          if (!isRecord(value)) return [id, value]
          records.set(id, value)
          return [id, usedEarlier(value)]
        })
        return Object.fromEntries(dated)
      },
      async set(data) {
        const records = read.getStore()
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
      // a pkmsg names its session
      decryptMessage: (wish) =>
        wish.type === 'msg'
          ? read.run(new Map(), () => repository.decryptMessage(wish))
          : repository.decryptMessage(wish),
    }
  }
}

/** A copy by which a use can be told even within the same millisecond. */
function usedEarlier({ _sessions, ...rest }: SessionRecord): SessionRecord {
  const sessions = Object.entries(_sessions).map(([baseKey, session]) => [
    baseKey,
    { ...session, indexInfo: { ...session.indexInfo, used: session.indexInfo.used - 1 } },
  ])
  return { ...rest, _sessions: Object.fromEntries(sessions) }
}

/** @returns what there was before, with the session that was used as it is now */
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
