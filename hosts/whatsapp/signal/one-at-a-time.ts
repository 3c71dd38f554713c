/** Sends and decrypts of one device take turns. Baileys holds the lock of the device's own jid while it
 *  sends, and that of the contact while it decrypts. Both read a session, advance it and write it back. Work
 *  that comes in between undoes the other's step, and the contact can decrypt nothing that follows. */
import type { AuthenticationCreds } from '@whiskeysockets/baileys'
import type { DeviceWatch } from '../../stalls/device-watch.ts'
import { type Repair, withTransactions } from './repository.ts'

/** @param creds of the socket: Baileys locks its sends under their jid */
export function oneAtATime(
  creds: Pick<AuthenticationCreds, 'me'>,
  watch: Pick<DeviceWatch, 'begin'>,
): Repair {
  return (make) => (auth, logger, pnToLID) => {
    const repository = make(auth, logger, pnToLID)
    const keys = withTransactions(auth.keys)
    // A transaction inside another one joins it, so work never waits for the lock while it holds it.
    const inTurn =
      <Args extends unknown[], Result>(work: (...args: Args) => Promise<Result>) =>
      async (...args: Args): Promise<Result> => {
        const waiting = watch.begin('lock', "work waits for the device's lock")
        try {
          const inside = () => {
            waiting.end()
            return work(...args)
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
