/** Receipts and notifications that a device has not acknowledged yet. They are sent again at each login, and
 *  are kept in memory alone. */
import type { BinaryNode } from '@whiskeysockets/baileys'
import type { Account } from './accounts.ts'
import { SimulatorError } from './errors.ts'

const UNSEEN_MAX = 1000

export interface Unseen {
  /** @throws SimulatorError QUEUE_FULL */
  put(account: Account, stanza: BinaryNode): void
  of(account: Account): readonly BinaryNode[]
  acknowledged(account: Account, ack: BinaryNode): void
}

export function makeUnseen(): Unseen {
  const waiting = new Map<Account, BinaryNode[]>()
  const of = (account: Account) => waiting.get(account) ?? []
  return {
    of,
    put(account, stanza) {
      if (of(account).length >= UNSEEN_MAX) {
        throw new SimulatorError('QUEUE_FULL', `${UNSEEN_MAX} stanzas wait for ${account.jid}`)
      }
      waiting.set(account, [...of(account), stanza])
    },
    acknowledged(account, { attrs }) {
      const left = of(account).filter((stanza) => stanza.tag !== attrs.class || stanza.attrs.id !== attrs.id)
      if (left.length > 0) waiting.set(account, left)
      else waiting.delete(account)
    },
  }
}
