/** Answers that the server expects from clients, each by its connection and a key. */
import type { BinaryNode } from '@whiskeysockets/baileys'
import type { Clock } from '../../core/clock.ts'
import type { Connection } from './connection.ts'
import { SimulatorError } from './errors.ts'

/** A client answers in milliseconds; only deriving the key of a pairing code takes it a few tenths of a
 *  second. */
const ANSWER_MS_MAX = 15_000

export interface Answers {
  /** @throws SimulatorError PAIRING_LOST when the connection ends or nothing comes in time */
  expect(connection: Connection, key: string): Promise<BinaryNode>
  /** @returns whether the answer was expected */
  arrived(connection: Connection, key: string, stanza: BinaryNode): boolean
  lost(connection: Connection): void
}

interface Waiting {
  resolve(stanza: BinaryNode): void
  fail(): void
}

export function makeAnswers(clock: Clock): Answers {
  const waiting = new Map<Connection, Map<string, Waiting>>()
  const take = (connection: Connection, key: string) => {
    const ofConnection = waiting.get(connection)
    const found = ofConnection?.get(key)
    ofConnection?.delete(key)
    if (ofConnection?.size === 0) waiting.delete(connection)
    return found
  }
  return {
    expect: (connection, key) =>
      new Promise((resolve, reject) => {
        const timer = clock.startTimer(ANSWER_MS_MAX, () => take(connection, key)?.fail())
        const ofConnection = waiting.get(connection) ?? new Map<string, Waiting>()
        waiting.set(connection, ofConnection)
        ofConnection.set(key, {
          resolve(stanza) {
            timer.cancel()
            resolve(stanza)
          },
          fail() {
            timer.cancel()
            reject(new SimulatorError('PAIRING_LOST', 'the device that is being linked went away'))
          },
        })
      }),
    arrived(connection, key, stanza) {
      const found = take(connection, key)
      found?.resolve(stanza)
      return found !== undefined
    },
    lost(connection) {
      for (const { fail } of waiting.get(connection)?.values() ?? []) fail()
      waiting.delete(connection)
    },
  }
}
