/** Devices of one process that talk to the same contact, in turn. libsignal queues its work by the contact's address for
 *  the whole process, and whoever finds the queue empty runs it for all who come meanwhile, in his own async context.
 *  Baileys keeps the transaction in that context: a device's step then lands in a transaction that is over, or in
 *  another device's context, and is never stored. With turns taken before, each one finds the queue empty. */

import { createTurns } from '../../auth-state/turns.ts'
import type { MakeSignalRepository } from './repository.ts'

/** One for the process, as libsignal's queue is. */
const turns = createTurns()

export function contactTurns(make: MakeSignalRepository): MakeSignalRepository {
  return (auth, logger, pnToLID) => {
    const repository = make(auth, logger, pnToLID)
    const inTurn =
      <Wish extends { jid: string }, Result>(work: (wish: Wish) => Promise<Result>) =>
      async (wish: Wish): Promise<Result> =>
        turns.take(repository.jidToSignalProtocolAddress(wish.jid), () => work(wish))
    return {
      ...repository,
      decryptMessage: inTurn(repository.decryptMessage),
      encryptMessage: inTurn(repository.encryptMessage),
      injectE2ESession: inTurn(repository.injectE2ESession),
    }
  }
}
