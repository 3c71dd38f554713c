/** Stores a session before the frame that it encrypted leaves. Baileys writes the frame first. When the store
 *  then fails, or the process dies in between, the next socket uses the same message key for another message.
 *  The contact takes that message for a repetition of the first and drops it. A step that is stored and never
 *  sent harms nothing. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { SignalDataSet, SignalKeyStore } from '@whiskeysockets/baileys'
import { type Repair, withTransactions } from './repository.ts'

type Changes = Record<string, Record<string, unknown>>

/** The values that the encryption in this async context has changed. This storage is shared by the whole
 *  process, while Baileys has its own for each socket. */
const changesOfThis = new AsyncLocalStorage<Changes>()

/** Keys that are told of values stored before the send: the commit that follows brings them again and is
 *  spared. */
export interface EarlyKeys extends SignalKeyStore {
  setEarly(changes: Changes): Promise<void>
}

export function earlyKeys({ get, set }: SignalKeyStore): EarlyKeys {
  // By identity: every write of a session or sender key is serialised into a new object. The same object
  // therefore means that nothing has changed since it was stored.
  const early = new WeakSet<object>()
  const isEarly = (value: unknown) => typeof value === 'object' && value !== null && early.has(value)
  return {
    get,
    async set(data) {
      const left = Object.entries(data).map(([type, byId]): [string, Record<string, unknown>] => [
        type,
        Object.fromEntries(Object.entries(byId ?? {}).filter(([, value]) => !isEarly(value))),
      ])
      const rest = Object.fromEntries(left.filter(([, byId]) => Object.keys(byId).length > 0))
      if (Object.keys(rest).length > 0) await set(rest as SignalDataSet)
    },
    async setEarly(changes) {
      await set(changes as SignalDataSet)
      for (const value of Object.values(changes).flatMap((byId) => Object.values(byId))) {
        if (typeof value === 'object' && value !== null) early.add(value)
      }
    },
  }
}

/** @param store the keys below the transactions: a value is stored when `setEarly` resolves */
export function storeBeforeSend(store: Pick<EarlyKeys, 'setEarly'>): Repair {
  return (make) => (auth, logger, pnToLID) => {
    const transactional = withTransactions(auth.keys)
    const keys: typeof transactional = {
      ...transactional,
      async set(data) {
        const changes = changesOfThis.getStore()
        for (const [type, byId] of Object.entries(data)) {
          if (changes) changes[type] = { ...changes[type], ...byId }
        }
        // The transaction reads from a cache of its own, so it has to get the change as well.
        await transactional.set(data)
      },
    }
    const repository = make({ ...auth, keys }, logger, pnToLID)
    const stored =
      <Args, Result>(encrypt: (args: Args) => Promise<Result>) =>
      async (args: Args): Promise<Result> => {
        const changes: Changes = {}
        const result = await changesOfThis.run(changes, () => encrypt(args))
        if (Object.keys(changes).length > 0) await store.setEarly(changes)
        return result
      }
    return {
      ...repository,
      encryptMessage: stored(repository.encryptMessage),
      encryptGroupMessage: stored(repository.encryptGroupMessage),
      getSenderKeyDistributionMessage: stored(repository.getSenderKeyDistributionMessage),
    }
  }
}
