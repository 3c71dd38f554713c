/** Baileys takes a session that could not be read for one that does not exist, makes a new one and stores it over the
 *  old: what the contact sends on the old one is lost. Here a failed read fails what was being done meanwhile. */
import { type MakeSignalRepository, withTransactions } from './repository.ts'

export function loudReads(make: MakeSignalRepository): MakeSignalRepository {
  return (auth, logger, pnToLID) => {
    const quiet = withTransactions(auth.keys)
    let readsFailed = 0
    let lastFailure: unknown
    const keys: typeof quiet = {
      ...quiet,
      async get(type, ids) {
        try {
          return await quiet.get(type, ids)
        } catch (error) {
          readsFailed += 1
          lastFailure = error
          throw error
        }
      },
    }
    const repository = make({ ...auth, keys }, logger, pnToLID)
    // thrown inside the caller's transaction, so that nothing of this work is committed
    const loud =
      <Wish extends unknown[], Result>(work: (...wish: Wish) => Promise<Result>) =>
      async (...wish: Wish): Promise<Result> => {
        const readsFailedBefore = readsFailed
        const result = await work(...wish)
        if (readsFailed > readsFailedBefore) throw lastFailure
        return result
      }
    return {
      ...repository,
      decryptMessage: loud(repository.decryptMessage),
      encryptMessage: loud(repository.encryptMessage),
      injectE2ESession: loud(repository.injectE2ESession),
      validateSession: loud(repository.validateSession),
      getSessionInfo: loud(repository.getSessionInfo),
    }
  }
}
