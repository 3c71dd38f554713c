/** Devices of one process that talk to the same contact take turns. libsignal queues its work by the
 *  contact's address for the whole process. The caller that finds the queue empty runs it for all that come
 *  meanwhile, in its own async context. Baileys keeps the transaction in that context. So another device's
 *  step lands in a transaction that is over, or in another device's, and is never stored. With turns taken
 *  before, every device finds the queue empty. */

import { createTurns } from '../../auth-state/turns.ts'
import type { MakeSignalRepository } from './repository.ts'

/** For the whole process, as libsignal's queue is. */
const turns = createTurns()

export function oneDevicePerContact(make: MakeSignalRepository): MakeSignalRepository {
  return (auth, logger, pnToLID) => {
    const repository = make(auth, logger, pnToLID)
    const inTurn =
      <Args extends { jid: string }, Result>(work: (args: Args) => Promise<Result>) =>
      async (args: Args): Promise<Result> =>
        turns.take(repository.jidToSignalProtocolAddress(args.jid), () => work(args))
    return {
      ...repository,
      decryptMessage: inTurn(repository.decryptMessage),
      encryptMessage: inTurn(repository.encryptMessage),
      injectE2ESession: inTurn(repository.injectE2ESession),
    }
  }
}
