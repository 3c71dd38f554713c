/** WhatsApp sends what waited also to a client that is active and never asks for it. whatsmeow is one. A
 *  client that asks, as Baileys does, only says how much it takes at a time. */
import type { Timer } from '../../core/clock.ts'
import type { Account } from './accounts.ts'
import type { Connection } from './connection.ts'
import type { World } from './world.ts'

/** Baileys asks at once. */
const ASKS_WITHIN_MS = 5000

export interface UnaskedBatch {
  activated(connection: Connection, account: Account): void
  /** @returns false when the batch was sent already */
  asked(connection: Connection): boolean
  forget(connection: Connection): void
}

export function makeUnaskedBatch(
  world: Pick<World, 'later'>,
  send: (connection: Connection, account: Account) => void,
): UnaskedBatch {
  const timers = new Map<Connection, Timer>()
  const states = new Map<Connection, 'waits' | 'asked' | 'sent'>()
  const forget = (connection: Connection) => {
    timers.get(connection)?.cancel()
    timers.delete(connection)
    states.delete(connection)
  }
  return {
    activated(connection, account) {
      if (states.has(connection)) return
      states.set(connection, 'waits')
      const run = () => {
        states.set(connection, 'sent')
        send(connection, account)
      }
      timers.set(connection, world.later(ASKS_WITHIN_MS, run))
    },
    asked(connection) {
      if (states.get(connection) === 'sent') return false
      forget(connection)
      states.set(connection, 'asked')
      return true
    },
    forget,
  }
}
