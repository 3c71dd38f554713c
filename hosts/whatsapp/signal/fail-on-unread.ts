/** Makes work fail when one of its reads has failed. Baileys takes a session that could not be read for a
 *  session that does not exist. It makes a new session and stores it over the old one. The messages that the
 *  contact sends on the old one are then lost. */
import { type MakeSignalRepository, withTransactions } from './repository.ts'

export function failOnUnread(make: MakeSignalRepository): MakeSignalRepository {
  return (auth, logger, pnToLID) => {
    const unguarded = withTransactions(auth.keys)
    let readsFailed = 0
    let lastFailure: unknown
    const keys: typeof unguarded = {
      ...unguarded,
      async get(type, ids) {
        try {
          return await unguarded.get(type, ids)
        } catch (error) {
          readsFailed += 1
          lastFailure = error
          throw error
        }
      },
    }
    const repository = make({ ...auth, keys }, logger, pnToLID)
    // Thrown inside the caller's transaction, so that nothing of this work is committed.
    const failing =
      <Args extends unknown[], Result>(work: (...args: Args) => Promise<Result>) =>
      async (...args: Args): Promise<Result> => {
        const readsFailedBefore = readsFailed
        const result = await work(...args)
        if (readsFailed > readsFailedBefore) throw lastFailure
        return result
      }
    return {
      ...repository,
      decryptMessage: failing(repository.decryptMessage),
      encryptMessage: failing(repository.encryptMessage),
      injectE2ESession: failing(repository.injectE2ESession),
      validateSession: failing(repository.validateSession),
      getSessionInfo: failing(repository.getSessionInfo),
    }
  }
}
