/** Sends and decrypts of one device in turn. Baileys holds the lock of the device's own jid while it sends, and that of
 *  the contact while it decrypts. Both read a session, advance it and write it back, so that one that comes in between
 *  undoes the other's step, and the contact can decrypt nothing that follows. */
import type { AuthenticationCreds } from '@whiskeysockets/baileys'
import { type DeviceWatch, UNWATCHED } from '../../stalls/stall-watch.ts'
import { type MakeSignalRepository, withTransactions } from './repository.ts'

/** @param creds of the socket: Baileys locks its sends with their jid as key */
export function serialisedDecrypts(
  creds: Pick<AuthenticationCreds, 'me'>,
  make: MakeSignalRepository,
  watch: Pick<DeviceWatch, 'begin'> = UNWATCHED,
): MakeSignalRepository {
  return (auth, logger, pnToLID) => {
    const repository = make(auth, logger, pnToLID)
    const keys = withTransactions(auth.keys)
    // Inside a transaction another one joins it, so none of these waits for a lock while it holds one.
    const inTurn =
      <Wish extends unknown[], Result>(work: (...wish: Wish) => Promise<Result>) =>
      async (...wish: Wish): Promise<Result> => {
        const waiting = watch.begin('lock', "work waits for the device's lock")
        try {
          const inside = () => {
            waiting.end()
            return work(...wish)
          }
          return await keys.transaction(inside, creds.me?.id ?? 'not-paired')
        } finally {
          waiting.end()
        }
      }
    return {
      ...repository,
      decryptMessage: inTurn(repository.decryptMessage),
      decryptGroupMessage: inTurn(repository.decryptGroupMessage),
      processSenderKeyDistributionMessage: inTurn(repository.processSenderKeyDistributionMessage),
      encryptMessage: inTurn(repository.encryptMessage),
      encryptGroupMessage: inTurn(repository.encryptGroupMessage),
      getSenderKeyDistributionMessage: inTurn(repository.getSenderKeyDistributionMessage),
      injectE2ESession: inTurn(repository.injectE2ESession),
      deleteSession: inTurn(repository.deleteSession),
      migrateSession: inTurn(repository.migrateSession),
    }
  }
}
