/** A session is stored before what it encrypted leaves. Baileys stores it after it has written the frame: when that
 *  fails, or the process dies in between, the next socket uses the same message key for another message, and a contact
 *  takes that one for a repetition of the first and drops it. A step that is stored and never sent harms nobody. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { SignalDataSet, SignalKeyStore } from '@whiskeysockets/baileys'
import { type MakeSignalRepository, withTransactions } from './repository.ts'

type Changes = Record<string, Record<string, unknown>>

/** What the encryption under way in this async context has changed. One for the process: Baileys has one per socket. */
const underWay = new AsyncLocalStorage<Changes>()

/** Keys that take what was stored before it was sent once: the commit that follows brings it again. */
export interface EarlyKeys extends SignalKeyStore {
  setEarly(changes: Changes): Promise<void>
}

export function earlyKeys({ get, set }: SignalKeyStore): EarlyKeys {
  // by the very object: one that was changed since is another one
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

/** @param store the keys without transactions: what is set there is stored when `setEarly` resolves */
export function storedBeforeSent(
  store: Pick<EarlyKeys, 'setEarly'>,
  make: MakeSignalRepository,
): MakeSignalRepository {
  return (auth, logger, pnToLID) => {
    const transactional = withTransactions(auth.keys)
    const keys: typeof transactional = {
      ...transactional,
      async set(data) {
        const changes = underWay.getStore()
        for (const [type, byId] of Object.entries(data)) {
          if (changes) changes[type] = { ...changes[type], ...byId }
        }
        // the transaction has to know it, too: it reads from its own cache
        await transactional.set(data)
      },
    }
    const repository = make({ ...auth, keys }, logger, pnToLID)
    const stored =
      <Wish, Result>(encrypt: (wish: Wish) => Promise<Result>) =>
      async (wish: Wish): Promise<Result> => {
        const changes: Changes = {}
        const result = await underWay.run(changes, () => encrypt(wish))
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
